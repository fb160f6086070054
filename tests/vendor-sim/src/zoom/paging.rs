//! Pages: opaque tokens bound to a path, a query and a walk, valid for 15 minutes of the vendor's
//! time. A walk remembers what its first page saw.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::http::Request;
use crate::random::mix;
use crate::zoom::endpoint::Endpoint;
use crate::zoom::errors::ApiError;
use crate::zoom::options::OverMax;
use crate::zoom::world::Roster;

/// Milliseconds a token is valid.
const TOKEN_MILLIS: i64 = 15 * 60_000;
/// Walks kept at most; the oldest are forgotten first.
const MAX_WALKS: usize = 4_096;

/// What a request asks of paging.
#[derive(Debug, Clone)]
pub(crate) struct PageQuery {
    /// Endpoint, subject and query: what must not change during a walk.
    key: String,
    pub(crate) size: u32,
    token: Option<String>,
    /// From 1.
    pub(crate) number: Option<u32>,
}

impl PageQuery {
    pub(crate) fn read(
        request: &Request,
        endpoint: Endpoint,
        subject: Option<&str>,
        max: u32,
        over_max: OverMax,
    ) -> Result<Self, ApiError> {
        let number_of = |name: &str| match request.param(name) {
            None | Some("") => Ok(None),
            Some(text) => text
                .parse::<u32>()
                .map(Some)
                .map_err(|_| ApiError::invalid_field(name, "Invalid field.")),
        };
        let asked = number_of("page_size")?.unwrap_or(30).max(1);
        if asked > max && over_max == OverMax::Refuse {
            return Err(ApiError::invalid_field(
                "page_size",
                &format!("The maximum page size is {max}."),
            ));
        }
        let mut query: Vec<String> = request
            .query
            .iter()
            .filter(|(name, _)| name != "next_page_token" && name != "page_number")
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        query.sort();
        Ok(Self {
            key: format!(
                "{}\n{}\n{}",
                endpoint.name(),
                subject.unwrap_or_default(),
                query.join("\n")
            ),
            size: asked.min(max),
            token: request
                .param("next_page_token")
                .filter(|token| !token.is_empty())
                .map(str::to_owned),
            number: number_of("page_number")?.map(|number| number.max(1)),
        })
    }
}

/// Sums over all pages of a walk.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Totals {
    pub(crate) records: u64,
    pub(crate) meetings: u64,
    pub(crate) minutes: u64,
    pub(crate) participants: u64,
}

/// What a walk saw on its first page.
#[derive(Debug, Clone, Default)]
pub(crate) struct View {
    /// Milliseconds since 1970.
    pub(crate) started: i64,
    pub(crate) roster: Roster,
    pub(crate) totals: Totals,
}

#[derive(Debug)]
struct Walk {
    key: String,
    view: View,
}

/// A page being answered.
#[derive(Debug, Clone)]
pub(crate) struct Page {
    pub(crate) walk: u64,
    pub(crate) key: String,
    pub(crate) view: View,
    /// Where the page starts; what a position counts is the endpoint's business.
    pub(crate) position: u64,
    pub(crate) first: bool,
}

/// The walks under way.
#[derive(Debug)]
pub(crate) struct Walks {
    seed: u64,
    open: BTreeMap<u64, Walk>,
    next: u64,
}

impl Walks {
    pub(crate) const fn new(seed: u64) -> Self {
        Self {
            seed,
            open: BTreeMap::new(),
            next: 1,
        }
    }

    /// Opens the page a query asks for; `look` takes the view of a new walk.
    pub(crate) fn open(
        &mut self,
        query: &PageQuery,
        now: i64,
        look: impl FnOnce() -> View,
    ) -> Result<Page, ApiError> {
        if let Some(token) = &query.token {
            let (walk, position, issued) = self.read(token).ok_or_else(ApiError::bad_page_token)?;
            let known = self
                .open
                .get(&walk)
                .filter(|known| known.key == query.key)
                .filter(|_| now - issued <= TOKEN_MILLIS)
                .ok_or_else(ApiError::bad_page_token)?;
            return Ok(Page {
                walk,
                key: query.key.clone(),
                view: known.view.clone(),
                position,
                first: false,
            });
        }
        let walk = self.next;
        self.next += 1;
        let view = look();
        self.open.insert(
            walk,
            Walk {
                key: query.key.clone(),
                view: view.clone(),
            },
        );
        if self.open.len() > MAX_WALKS {
            self.open.pop_first();
        }
        let pages_before = query.number.unwrap_or(1) - 1;
        Ok(Page {
            walk,
            key: query.key.clone(),
            view,
            position: u64::from(pages_before) * u64::from(query.size),
            first: true,
        })
    }

    /// The token of the page that starts at `position`; empty when there is none.
    pub(crate) fn token(&self, walk: u64, position: Option<u64>, now: i64) -> String {
        let Some(position) = position else {
            return String::new();
        };
        let mut bytes = [0; 32];
        bytes[..8].copy_from_slice(&self.seal(walk, position, now).to_be_bytes());
        bytes[8..16].copy_from_slice(&walk.to_be_bytes());
        bytes[16..24].copy_from_slice(&position.to_be_bytes());
        bytes[24..].copy_from_slice(&now.to_be_bytes());
        URL_SAFE_NO_PAD.encode(bytes)
    }

    fn read(&self, token: &str) -> Option<(u64, u64, i64)> {
        let bytes: [u8; 32] = URL_SAFE_NO_PAD.decode(token).ok()?.try_into().ok()?;
        let number = |at: usize| Some(u64::from_be_bytes(bytes.get(at..at + 8)?.try_into().ok()?));
        let (walk, position) = (number(8)?, number(16)?);
        let issued = number(24)?.cast_signed();
        (self.seal(walk, position, issued) == number(0)?).then_some((walk, position, issued))
    }

    fn seal(&self, walk: u64, position: u64, issued: i64) -> u64 {
        mix(mix(mix(self.seed ^ walk) ^ position) ^ issued.cast_unsigned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn query(pairs: &[(&str, &str)]) -> PageQuery {
        let request = Request {
            query: pairs
                .iter()
                .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
                .collect(),
            ..Request::default()
        };
        PageQuery::read(&request, Endpoint::ListUsers, None, 300, OverMax::Clamp).unwrap()
    }

    #[test]
    fn a_token_is_bound_to_its_query_and_to_a_quarter_of_an_hour() {
        let mut walks = Walks::new(1);
        let first = walks
            .open(&query(&[("page_size", "10")]), 0, View::default)
            .unwrap();
        let token = walks.token(first.walk, Some(10), 0);
        let with = |walks: &mut Walks, size: &str, token: &str, now| {
            let query = query(&[("page_size", size), ("next_page_token", token)]);
            walks
                .open(&query, now, View::default)
                .map(|page| page.position)
        };
        assert_eq!(with(&mut walks, "10", &token, TOKEN_MILLIS), Ok(10));
        let refused = Err(ApiError::bad_page_token());
        assert_eq!(with(&mut walks, "10", &token, TOKEN_MILLIS + 1), refused);
        assert_eq!(with(&mut walks, "11", &token, 0), refused);
        assert_eq!(with(&mut walks, "10", "forged", 0), refused);
        assert_eq!(walks.token(first.walk, None, 0), "");
    }

    #[test]
    fn a_page_number_skips_pages_and_a_large_size_is_cut() {
        let mut walks = Walks::new(1);
        let query = query(&[("page_size", "5000"), ("page_number", "3")]);
        assert_eq!(query.size, 300);
        assert_eq!(walks.open(&query, 0, View::default).unwrap().position, 600);
    }
}
