//! The page on which a person lets an app in: what it shows, how it is answered, and where it leads
//! on to. Each vendor checks the app and gives out the code.

use serde::{Deserialize, Serialize};

use crate::http::{Reply, Request, first};
use crate::oauth::{escape, form_body};

/// What happens at the authorization page.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Consent {
    /// It shows what the app asks for, and a person presses Allow or Deny.
    #[default]
    Ask,
    /// It leads on at once with a code, as for a person who consented before.
    Allow,
    /// It leads on at once with `access_denied`.
    Deny,
}

impl Consent {
    /// What a request decides; nothing while a person has to be asked.
    pub(crate) fn decided(self, request: &Request) -> Option<Decision> {
        match self {
            Self::Allow => return Some(Decision::Allowed),
            Self::Deny => return Some(Decision::Denied),
            Self::Ask => {}
        }
        if request.method != "POST" {
            return None;
        }
        match first(&form_body(request), "decision")? {
            "allow" => Some(Decision::Allowed),
            "deny" => Some(Decision::Denied),
            _ => None,
        }
    }
}

/// What the person said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Decision {
    Allowed,
    Denied,
}

/// What the page shows.
#[derive(Debug)]
pub(crate) struct Page<'a> {
    pub(crate) vendor: &'a str,
    pub(crate) client_id: &'a str,
    /// Whose rights the app gets.
    pub(crate) on_behalf_of: &'a str,
    /// None where the vendor has no scopes.
    pub(crate) scopes: &'a [String],
}

impl Page<'_> {
    /// The page, whose buttons post to the address that `request` came to.
    pub(crate) fn show(&self, request: &Request) -> Reply {
        let rights = if self.scopes.is_empty() {
            "<p>It may do everything that you may do.</p>".to_owned()
        } else {
            let rows = self.scopes.iter().fold(String::new(), |rows, scope| {
                rows + "<li>" + &html(scope) + "</li>"
            });
            format!("<p>It asks for:</p><ul>{rows}</ul>")
        };
        let body = format!(
            r#"<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{vendor}: allow access?</title></head>
<body><h1>{vendor}</h1>
<p>App <b>{app}</b> wants access on behalf of <b>{who}</b>.</p>
{rights}
<form method="post" action="{path}?{query}">
<button name="decision" value="allow">Allow</button>
<button name="decision" value="deny">Deny</button>
</form></body></html>
"#,
            vendor = html(self.vendor),
            app = html(self.client_id),
            who = html(self.on_behalf_of),
            path = html(&request.path),
            query = html(&request.raw_query),
        );
        let mut reply = Reply::text(200, "text/html;charset=UTF-8", body);
        reply.set_header("cache-control", "no-store");
        reply
    }
}

/// Sends the browser back to the app with `outcome`, such as `code=…`, and with its state.
pub(crate) fn send_back(redirect_uri: &str, outcome: &str, request: &Request) -> Reply {
    let joint = if redirect_uri.contains('?') { '&' } else { '?' };
    let state = request
        .param("state")
        .map_or_else(String::new, |state| format!("&state={}", escape(state)));
    let mut reply = Reply::empty(302);
    reply.set_header("location", format!("{redirect_uri}{joint}{outcome}{state}"));
    reply
}

/// Text as it stands in a page.
fn html(text: &str) -> String {
    text.chars().fold(String::new(), |mut page, letter| {
        match letter {
            '&' => page.push_str("&amp;"),
            '<' => page.push_str("&lt;"),
            '>' => page.push_str("&gt;"),
            '"' => page.push_str("&quot;"),
            _ => page.push(letter),
        }
        page
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(method: &str, body: &str) -> Request {
        let kind = "application/x-www-form-urlencoded";
        Request {
            method: method.to_owned(),
            path: "/oauth/authorize".to_owned(),
            raw_query: "state=a&x=\"><script>".to_owned(),
            query: vec![("state".to_owned(), "a b".to_owned())],
            headers: vec![("content-type".to_owned(), kind.to_owned())],
            body: body.as_bytes().to_vec(),
        }
    }

    #[test]
    fn a_person_decides_by_a_button_and_a_switch_decides_alone() {
        for (consent, method, body, decided) in [
            (Consent::Ask, "GET", "", None),
            (Consent::Ask, "GET", "decision=allow", None),
            (Consent::Ask, "POST", "", None),
            (Consent::Ask, "POST", "decision=maybe", None),
            (
                Consent::Ask,
                "POST",
                "decision=allow",
                Some(Decision::Allowed),
            ),
            (
                Consent::Ask,
                "POST",
                "decision=deny",
                Some(Decision::Denied),
            ),
            (Consent::Allow, "GET", "", Some(Decision::Allowed)),
            (
                Consent::Deny,
                "POST",
                "decision=allow",
                Some(Decision::Denied),
            ),
        ] {
            let found = consent.decided(&request(method, body));
            assert_eq!(found, decided, "{consent:?} {method} {body}");
        }
    }

    #[test]
    fn nothing_of_a_request_becomes_markup() {
        let page = Page {
            vendor: "Zoom",
            client_id: "<app>",
            on_behalf_of: "a & b",
            scopes: &["identity:".to_owned()],
        };
        let shown = String::from_utf8(page.show(&request("GET", "")).body).unwrap();
        assert!(shown.contains("&lt;app&gt;") && shown.contains("a &amp; b"));
        assert!(shown.contains("?state=a&amp;x=&quot;&gt;&lt;script&gt;\""));
        assert!(shown.contains("<li>identity:</li>"), "{shown}");
    }

    #[test]
    fn the_state_goes_back_with_the_outcome() {
        for (to, expected) in [
            ("http://x/c", "http://x/c?code=1&state=a%20b"),
            ("http://x/c?y=z", "http://x/c?y=z&code=1&state=a%20b"),
        ] {
            let reply = send_back(to, "code=1", &request("GET", ""));
            assert_eq!(reply.headers, [("location".into(), expected.to_owned())]);
        }
    }
}
