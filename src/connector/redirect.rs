//! The address that a vendor's consent page leads on to, as a browser brings it or a person pastes
//! it: OAuth's authorization response (RFC 6749, sections 4.1.2 and 4.1.2.1).

use std::str::FromStr;

use oauth2::{AuthorizationCode, CsrfToken};
use reqwest::Url;

use super::http::tame;

/// What a redirect says. Its code and state are kept out of `Debug`.
#[derive(Debug, Clone)]
pub struct Redirect {
    /// Which authorisation it answers.
    pub state: CsrfToken,
    /// The code, or why there is none.
    pub outcome: Result<AuthorizationCode, Refused>,
}

/// A page's no.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// OAuth's error code, fit for messages.
    pub error: String,
    /// The vendor's words, fit for messages.
    pub description: Option<String>,
}

/// The text is no such address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "this is not the address that the consent page leads to: it has no `code` and no `state`; paste the whole address from the browser"
)]
pub struct NotARedirect;

impl FromStr for Redirect {
    type Err = NotARedirect;

    /// Reads an address. Of a parameter that stands there twice, the first counts; an empty one is
    /// none.
    fn from_str(address: &str) -> Result<Self, NotARedirect> {
        let url = Url::parse(address.trim()).map_err(|_| NotARedirect)?;
        let parameter = |name: &str| {
            let mut pairs = url.query_pairs();
            let (_, value) = pairs.find(|(key, _)| key == name)?;
            (!value.is_empty()).then(|| value.into_owned())
        };
        let state = parameter("state").ok_or(NotARedirect)?;
        let outcome = match (parameter("error"), parameter("code")) {
            (Some(error), _) => Err(Refused {
                error: tame(&error, &[]),
                description: parameter("error_description").map(|text| tame(&text, &[])),
            }),
            (None, Some(code)) => Ok(AuthorizationCode::new(code)),
            (None, None) => return Err(NotARedirect),
        };
        Ok(Self {
            state: CsrfToken::new(state),
            outcome,
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// State, code and error of an address.
    fn read(address: &str) -> Option<(String, Option<String>, Option<String>)> {
        let redirect: Redirect = address.parse().ok()?;
        let state = redirect.state.secret().clone();
        Some(match redirect.outcome {
            Ok(code) => (state, Some(code.secret().clone()), None),
            Err(refused) => (state, None, Some(refused.error)),
        })
    }

    fn addressed(parameters: &[(&str, &str)]) -> String {
        Url::parse_with_params("https://seatsync.example.com/callback", parameters)
            .unwrap()
            .into()
    }

    #[test]
    fn only_a_whole_answer_is_one() {
        let code = |code: &str| Some(("s".to_owned(), Some(code.to_owned()), None));
        let error = |error: &str| Some(("s".to_owned(), None, Some(error.to_owned())));
        for (address, expected) in [
            ("http://127.0.0.1:7328/callback?code=c&state=s", code("c")),
            ("  https://x/?state=s&code=c#top\n", code("c")),
            ("https://x/?code=c&code=d&state=s&state=t", code("c")),
            ("https://x/?code=a%2Bb+c&state=s", code("a+b c")),
            (
                "https://x/?error=access_denied&state=s",
                error("access_denied"),
            ),
            ("https://x/?error=no&code=c&state=s", error("no")),
            ("https://x/?error=%1B%5B31m&state=s", error(" [31m")),
            ("https://x/?code=&state=s", None),
            ("https://x/?code=c&state=", None),
            ("https://x/?code=c", None),
            ("https://x/#code=c&state=s", None),
            ("code=c&state=s", None),
            ("", None),
        ] {
            assert_eq!(read(address), expected, "{address}");
        }
    }

    #[test]
    fn neither_code_nor_state_is_printed_by_accident() {
        let address = addressed(&[("code", "hunter2"), ("state", "hunter3")]);
        let printed = format!("{:?}", address.parse::<Redirect>().unwrap());
        assert!(!printed.contains("hunter"), "{printed}");
    }

    proptest! {
        #[test]
        fn what_stands_in_an_address_is_read_as_it_was_meant(state in ".+", code in ".+", other in ".*") {
            let address = addressed(&[("other", &other), ("code", &code), ("state", &state)]);
            prop_assert_eq!(read(&address), Some((state, Some(code), None)));
        }

        #[test]
        fn no_text_upsets_it_and_a_no_fits_on_a_line(text in any::<String>(), says in any::<String>()) {
            let _ = read(&text);
            let address = addressed(&[("error", &says), ("error_description", &says), ("state", "s")]);
            if let Ok(Redirect { outcome: Err(refused), .. }) = address.parse() {
                prop_assert!(refused.error.chars().count() <= 501);
                prop_assert!(!refused.error.contains(char::is_control));
                prop_assert_eq!(Some(refused.error), refused.description);
            } else {
                prop_assert!(says.is_empty());
            }
        }
    }
}
