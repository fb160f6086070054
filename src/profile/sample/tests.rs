//! Nothing that a file may say is missing from the samples.

use std::collections::BTreeSet;

use serde_json::Value;

use super::*;
use crate::profile::schema;

/// Every option switched on.
fn everything(text: &str) -> String {
    let on = |line: &str| {
        let option = line.trim_start().strip_prefix('#');
        match option.filter(|rest| rest.starts_with(|c: char| !c.is_whitespace())) {
            Some(rest) => format!("{}{rest}\n", &line[..line.len() - rest.len() - 1]),
            None => format!("{line}\n"),
        }
    };
    text.lines().map(on).collect()
}

/// Where a schema leads: through `$ref`, and through the branches of an `anyOf`.
fn meant<'a>(root: &'a Value, schema: &'a Value) -> Vec<&'a Value> {
    if let Some(name) = schema["$ref"].as_str() {
        let pointer = name.trim_start_matches('#');
        return meant(root, root.pointer(pointer).unwrap());
    }
    match schema["anyOf"].as_array() {
        Some(branches) => branches.iter().flat_map(|one| meant(root, one)).collect(),
        None => vec![schema],
    }
}

/// Paths of properties that none of `values`, which are at `path`, has. What is not there at all is
/// told once, without what would be in it; of what goes by text as well, the text is enough.
fn missing(root: &Value, schema: &Value, values: &[&Value], path: &str, to: &mut BTreeSet<String>) {
    for schema in meant(root, schema) {
        if schema["items"].is_object() {
            let items: Vec<&Value> = values
                .iter()
                .filter_map(|value| value.as_array())
                .flatten()
                .collect();
            missing(root, &schema["items"], &items, path, to);
        }
        let objects: Vec<&Value> = values.iter().copied().filter(|v| v.is_object()).collect();
        if objects.is_empty() {
            continue;
        }
        for (key, below) in schema["properties"].as_object().into_iter().flatten() {
            let path = format!("{path}.{key}");
            let given: Vec<&Value> = objects.iter().filter_map(|v| v.get(key)).collect();
            if given.is_empty() {
                to.insert(path);
            } else {
                missing(root, below, &given, &path, to);
            }
        }
    }
}

/// What the documents of a sample leave out of their kinds.
fn left_out(sample: Sample) -> Vec<String> {
    let root = schema::documents();
    let text = everything(&sample.text(None));
    let documents: Vec<Value> = text
        .split("\n---\n")
        .map(|document| serde_yaml::from_str(document).unwrap())
        .collect();
    let mut kinds = BTreeSet::new();
    kinds.extend(documents.iter().map(|one| one["kind"].as_str().unwrap()));
    let mut found = BTreeSet::new();
    for kind in kinds {
        let of_kind: Vec<&Value> = documents.iter().filter(|d| d["kind"] == kind).collect();
        let branches = root["allOf"].as_array().unwrap();
        let branch = branches
            .iter()
            .find(|branch| branch["if"]["properties"]["kind"]["const"] == kind)
            .unwrap();
        missing(&root, &branch["then"], &of_kind, kind, &mut found);
    }
    found.into_iter().collect()
}

/// A secret may lie elsewhere too, which the prose says.
const SECRET: [&str; 2] = ["env", "file"];

#[test]
fn every_option_of_a_file_is_in_its_sample() {
    for (sample, other_vendors, secrets) in [
        (
            Sample::Profile(ProfileType::Zoom),
            ["oauth.token", "goto_connect", "suppress_email"].as_slice(),
            ["client_secret"].as_slice(),
        ),
        (
            Sample::Profile(ProfileType::ZoomWorkplace),
            &["oauth.token", "goto_connect", "suppress_email"],
            &["client_secret"],
        ),
        (
            Sample::Profile(ProfileType::GoTo),
            &["limits.plan", "delete_basic_users"],
            &["client_secret", "token"],
        ),
        (
            Sample::Profile(ProfileType::Aha),
            &[
                "account_id",
                "client_id",
                "client_secret",
                "limits.plan",
                "delete_basic_users",
                "goto_connect",
                "suppress_email",
                "pull_user_activity",
            ],
            &["token"],
        ),
        (Sample::Exclusions, &[], &[]),
        // Of the other sort of rule, which the prose names.
        (
            Sample::ReclamationRule,
            &[
                "software_models",
                "reclamation_type",
                "months",
                "total_hours_used",
                "last_used_before",
            ],
            &[],
        ),
        (Sample::SoftwareModel, &[], &[]),
        (Sample::Entitlement, &["Entitlement.product"], &[]),
        (Sample::UserDirectory, &[], &[]),
    ] {
        let only_goto = match sample {
            Sample::Profile(profile_type) if profile_type != ProfileType::GoTo => {
                ["Profile.connect_connection"].as_slice()
            }
            _ => &[],
        };
        let elsewhere = secrets
            .iter()
            .flat_map(|secret| SECRET.map(|place| format!("{secret}.{place}")));
        let mut expected: Vec<String> = elsewhere.collect();
        expected.extend(
            other_vendors
                .iter()
                .chain(only_goto)
                .map(ToString::to_string),
        );
        let found = left_out(sample);
        for path in &found {
            let known = expected.iter().any(|end| path.ends_with(end.as_str()));
            assert!(known, "the sample of {sample} says nothing of `{path}`");
        }
        assert_eq!(found.len(), expected.len(), "{sample}: {found:?}");
    }
}
