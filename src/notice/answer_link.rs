//! The link by which a user answers: it names the candidate and the round, and is signed, so that nobody
//! can make one up. It is good for one answer: the answer ends the round.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;

use crate::secret::seal::{SealError, Sealer};

/// What signatures are for; another use of the same key has another.
const PURPOSE: &str = "answer link";

/// The longest token looked at, in bytes.
const LONGEST: usize = 128;

/// What a link is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AnswerLink {
    /// Which candidate.
    pub candidate: i64,
    /// The how manieth question.
    pub round: u32,
}

impl AnswerLink {
    /// The token, fit for the path of an address.
    pub fn token(self, sealer: &Sealer) -> Result<String, SealError> {
        let signature = sealer.sign(PURPOSE, self.claim().as_bytes())?;
        Ok(format!("{}.{}", self.claim(), BASE64.encode(signature)))
    }

    /// The link that a token is; `None` for one that we did not make.
    pub fn of_token(token: &str, sealer: &Sealer) -> Result<Option<Self>, SealError> {
        let Some((link, signature)) = Self::read(token) else {
            return Ok(None);
        };
        let ours = sealer.is_signed(PURPOSE, link.claim().as_bytes(), &signature)?;
        Ok(ours.then_some(link))
    }

    fn read(token: &str) -> Option<(Self, Vec<u8>)> {
        if token.len() > LONGEST {
            return None;
        }
        let mut pieces = token.splitn(3, '.');
        let candidate = pieces.next()?.parse().ok()?;
        let round = pieces.next()?.parse().ok()?;
        let signature = BASE64.decode(pieces.next()?).ok()?;
        Some((Self { candidate, round }, signature))
    }

    fn claim(self) -> String {
        format!("{}.{}", self.candidate, self.round)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[test]
    fn a_link_is_read_back_and_no_other_is() {
        let folder = tempfile::tempdir().unwrap();
        let sealer = Sealer::new(Arc::default(), folder.path());
        let link = AnswerLink {
            candidate: 17,
            round: 2,
        };
        let token = link.token(&sealer).unwrap();
        let read = |token: &str| AnswerLink::of_token(token, &sealer).unwrap();
        assert_eq!(read(&token), Some(link));
        assert!(!token.contains(['/', '+', '=', '?', '&']), "{token}");
        let others = [
            token.replacen("17", "18", 1),
            token.replacen(".2.", ".3.", 1),
            token[..token.len() - 1].to_owned(),
            format!("{token}A"),
            "17.2".to_owned(),
            "17.2.".to_owned(),
            String::new(),
            "9".repeat(1_000),
        ];
        for other in others {
            assert_eq!(read(&other), None, "{other}");
        }
        let elsewhere = tempfile::tempdir().unwrap();
        let stranger = Sealer::new(Arc::default(), elsewhere.path());
        assert_eq!(AnswerLink::of_token(&token, &stranger).unwrap(), None);
    }
}
