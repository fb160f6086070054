//! Which paths there are: one.

use std::borrow::Cow;

/// Versions of the API that a path may name; both mean the only one that there is.
const VERSIONS: [&str; 2] = ["v1", "v2"];

/// Where a path leads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Destination {
    /// createOrUpdate.
    CreateOrUpdate,
    /// Nothing, below `/api`: the platform calls that a bad request, not a missing page.
    NoResource,
    /// Nothing at all.
    Nowhere,
}

/// Follows a path as the client sent it, escapes and all.
pub(super) fn follow(path: &str) -> Destination {
    let Some(path) = unescape(path) else {
        return Destination::NoResource;
    };
    let path = path.strip_suffix('/').unwrap_or(&path);
    let Some(rest) = path.strip_prefix("/api") else {
        return Destination::Nowhere;
    };
    if !(rest.is_empty() || rest.starts_with('/')) {
        return Destination::Nowhere;
    }
    let rest = rest.strip_prefix("/now/").unwrap_or_default();
    let resource = match rest.split_once('/') {
        Some((version, rest)) if VERSIONS.contains(&version) => rest,
        _ => rest,
    };
    if resource == "sam_software_usage_integration/createOrUpdate" {
        Destination::CreateOrUpdate
    } else {
        Destination::NoResource
    }
}

/// Undoes percent-encoding, once; none where it is broken.
fn unescape(path: &str) -> Option<Cow<'_, str>> {
    if !path.contains('%') {
        return Some(Cow::Borrowed(path));
    }
    let mut bytes = Vec::with_capacity(path.len());
    let mut rest = path.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'%' => {
                let mut digit = || char::from(rest.next()?).to_digit(16);
                u8::try_from(digit()? * 16 + digit()?).ok()?
            }
            other => other,
        });
    }
    String::from_utf8(bytes).ok().map(Cow::Owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_lead_where_the_platform_says() {
        use Destination::{CreateOrUpdate, NoResource, Nowhere};
        let table = [
            (
                "/api/now/sam_software_usage_integration/createOrUpdate",
                CreateOrUpdate,
            ),
            (
                "/api/now/v1/sam_software_usage_integration/createOrUpdate",
                CreateOrUpdate,
            ),
            (
                "/api/now/v2/sam_software_usage_integration/createOrUpdate",
                CreateOrUpdate,
            ),
            (
                "/api/now/sam_software_usage_integration/createOrUpdate/",
                CreateOrUpdate,
            ),
            (
                "/api/now/sam_software_usage_integration/%63reateOrUpdate",
                CreateOrUpdate,
            ),
            (
                "/api/now/sam_software_usage_integration/%2563reateOrUpdate",
                NoResource,
            ),
            (
                "/api/now/sam_software_usage_integration/createOrUpdate//",
                NoResource,
            ),
            (
                "/api/now/sam_software_usage_integration/createOrUpdate/x",
                NoResource,
            ),
            (
                "/api/now/sam_software_usage_integration/createorupdate",
                NoResource,
            ),
            ("/api/now/sam_software_usage_integration", NoResource),
            (
                "/api/now/v9/sam_software_usage_integration/createOrUpdate",
                NoResource,
            ),
            (
                "/api/now/latest/sam_software_usage_integration/createOrUpdate",
                NoResource,
            ),
            (
                "/api/now/v1/v2/sam_software_usage_integration/createOrUpdate",
                NoResource,
            ),
            ("/api/now/table/incident", NoResource),
            ("/api/subscribers", NoResource),
            ("/api", NoResource),
            ("/api/%zz", NoResource),
            ("/apis", Nowhere),
            ("/nav_to.do", Nowhere),
            ("/", Nowhere),
            ("*", Nowhere),
            ("", Nowhere),
        ];
        for (path, expected) in table {
            assert_eq!(follow(path), expected, "{path}");
        }
    }
}
