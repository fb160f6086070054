//! Any text as the address that somebody pastes after a consent: what is taken for an answer is read the same when it is
//! written anew, and what a page says is fit for a message.
#![no_main]

use libfuzzer_sys::fuzz_target;
use seatsync::connector::redirect::Redirect;

fn parameter(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

fuzz_target!(|text: &str| {
    let Ok(redirect) = text.parse::<Redirect>() else {
        return;
    };
    let state = redirect.state.secret();
    let (name, value) = match &redirect.outcome {
        Ok(code) => ("code", code.secret()),
        Err(refused) => {
            for words in [Some(&refused.error), refused.description.as_ref()]
                .into_iter()
                .flatten()
            {
                assert!(words.chars().count() <= 501 && !words.contains(char::is_control));
            }
            ("error", &refused.error)
        }
    };
    assert!(!state.is_empty() && !value.is_empty());
    let address = format!(
        "https://localhost/?{name}={}&state={}",
        parameter(value),
        parameter(state)
    );
    let again: Redirect = address.parse().expect("what was taken is taken again");
    assert_eq!(again.state.secret(), state);
    match again.outcome {
        Ok(code) => assert_eq!(("code", code.secret()), (name, value)),
        Err(refused) => assert_eq!(("error", &refused.error), (name, value)),
    }
});
