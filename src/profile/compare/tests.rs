use std::fs;
use std::path::Path;

use super::*;

fn compared(base: &str, head: &str) -> Vec<DocumentChange> {
    let write = |text: &str| {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("a.yaml"), text).unwrap();
        folder
    };
    let (base, head) = (write(base), write(head));
    let path = |folder: &Path| vec![folder.to_owned()];
    let settings = Settings::default();
    folders(&path(base.path()), &path(head.path()), &settings).changes
}

/// What the only changed document loosens.
fn loosens(base: &str, head: &str) -> Vec<String> {
    let mut changes = compared(base, head);
    assert_eq!(changes.len(), 1, "{changes:#?}");
    changes.remove(0).loosens
}

const CONNECTION: &str = "
kind: Connection
name: zoom
vendor: zoom
oauth: {grant: account_credentials, account_id: a, client_id: b, client_secret: {env: S}}
---
";

fn profile(rest: &str) -> String {
    format!("{CONNECTION}kind: Profile\nname: p\ntype: zoom\nconnection: zoom\n{rest}")
}

#[test]
fn documents_come_change_and_go_by_name() {
    let base = "{kind: Exclusions, name: one}\n---\n{kind: Exclusions, name: two}\n---\n{kind: Exclusions, name: four}";
    let head = "{kind: Exclusions, name: two, users: [{user: a@b.c, reason: x}]}\n---\n{kind: Exclusions, name: three}\n---\n{kind: Exclusions, name: four, nope: 1}";
    assert_eq!(
        text(&compared(base, head)),
        "! Exclusions four: does not load; its last good version stays in force\n\
         - Exclusions one: removed\n\
         + Exclusions three: added\n\
         ~ Exclusions two: changed\n    users: [] → [{\"user\":\"a@b.c\",\"reason\":\"x\",\"expires\":null}]\n\
         4 documents changed, 0 of them loosen something\n"
    );
    assert_eq!(text(&compared(base, base)), "nothing changes\n");
}

#[test]
fn what_starts_to_run_or_to_reclaim_is_told() {
    let found = loosens(
        &profile("suspend: true\n"),
        &profile("state: published\nsubflows: {reclaim_subscriptions: {enabled: true}}\n"),
    );
    assert_eq!(found.len(), 3, "{found:#?}");
    let tightened = loosens(&profile("state: published\n"), &profile("suspend: true\n"));
    assert_eq!(tightened, [""; 0]);
}

#[test]
fn an_entry_that_is_gone_narrowed_or_ends_earlier_is_told_and_one_that_moved_is_not() {
    let entries = |entries: &str| profile(&format!("protected: {entries}\n"));
    let before =
        entries("[{domain: b.c, reason: x}, {user: u@d.e, reason: x, expires: 2027-05-01}]");
    assert_eq!(
        loosens(&before, &entries("[{user: a@b.c, reason: x}]")),
        [
            "everybody of `b.c` is protected no more",
            "`u@d.e` is protected no more"
        ]
    );
    assert_eq!(
        loosens(
            &before,
            &entries("[{domain: b.c, reason: x, expires: 2027-01-01}, {domain: d.e, reason: x}]")
        ),
        ["everybody of `b.c` is protected only until 2027-01-01 now"]
    );
    let moved = profile(
        "exclusions: {users: [{domain: b.c, reason: x}]}\n---\n{kind: Exclusions, name: all, protected: [{domain: d.e, reason: x}]}\n",
    );
    let changes = compared(&before, &moved);
    assert!(
        changes.iter().all(|change| change.loosens.is_empty()),
        "{changes:#?}"
    );
}

#[test]
fn an_organisation_wide_exclusion_that_is_gone_is_told() {
    let all = |rest: &str| profile(&format!("---\n{{kind: Exclusions, name: all, {rest}}}\n"));
    let before = all(
        "identifiers: [{profile_type: zoom, identifier: zoom.basic, reason: free}], users: [{domain: \"*.b.c\", reason: x}]",
    );
    assert_eq!(
        loosens(&before, &all("users: [{domain: \"*.a.b.c\", reason: x}]")),
        [
            "`zoom.basic` is excluded no more",
            "everybody of `*.b.c` is excluded no more"
        ]
    );
    assert_eq!(loosens(&before, &profile("")).len(), 2);
}

#[test]
fn a_connection_that_leads_elsewhere_is_told() {
    let found = loosens(
        &profile(""),
        &profile("").replace("account_id: a", "account_id: other"),
    );
    assert_eq!(
        found,
        ["its connection leads elsewhere: `account_id` is `other`, was `a`"]
    );
}

#[test]
fn a_rule_that_decides_more_freely_is_told() {
    let rule = |rest: &str| {
        format!("{{kind: ReclamationRule, name: r, identifiers: [zoom.licensed], {rest}}}")
    };
    let before = rule(
        "last_activity_threshold: 90d, keep_spare: 2%, windows: [\"mon..fri 09:00-16:00\"], guards: {max_per_day: 10}, notify_user: true",
    );
    let after = rule(
        "last_activity_threshold: 30d, keep_spare: 5%, windows: [\"mon..sat 09:00-16:00\"], guards: {max_per_day: 20, accept_listed_evidence: true}, notify_user: false, mode: approved, include_no_activity: true",
    );
    assert_eq!(
        loosens(&before, &after),
        [
            "`mode` is `approved`, was not set",
            "`last_activity_threshold` is `30d`, was `90d`",
            "`include_no_activity` is `true`, was not set",
            "`notify_user` is `false`, was `true`",
            "`keep_spare` is `5%`, was `2%`",
            "`windows` is `[\"mon..sat 09:00-16:00\"]`, was `[\"mon..fri 09:00-16:00\"]`",
            "guard `max_per_day` is 20, was 10",
            "guard `accept_listed_evidence` is on: scheduled activity stands for a whole window",
        ]
    );
    assert_eq!(loosens(&after, &before), [""; 0]);
    let narrower = before.replace("zoom.licensed", "zoom.webinar.500");
    assert_eq!(
        loosens(&before, &narrower),
        ["its limits hold no more for zoom.licensed"]
    );
    assert!(
        !loosens(
            &before,
            "{kind: ReclamationRule, name: r, identifiers: [zoom.licensed]}"
        )
        .is_empty()
    );
}

#[test]
fn an_approval_of_more_seats_is_told() {
    let digest = "0".repeat(64);
    let approval = |seats: &str| {
        format!(
            "{{kind: Approval, name: feb, profile: p, plan: \"sha256:{digest}\", expires: 2027-02-20, seats: [{seats}]}}"
        )
    };
    let one = "{id: 1, user: a@b.c, identifier: zoom.licensed}";
    let two = "{id: 2, user: d@b.c, identifier: zoom.licensed}";
    let found = loosens(&approval(one), &approval(&format!("{one}, {two}")));
    assert_eq!(found, ["1 seat may be taken back until 2027-02-20"]);
}

#[test]
fn a_rule_for_installed_software_is_looser_when_it_judges_more_or_sooner() {
    let model = |name: &str, product: u8| {
        format!(
            "{{kind: SoftwareModel, name: {name}, publisher: A, product: B, norm_products: ['{product:032}']}}\n---\n"
        )
    };
    let models = [model("cad", 1), model("word", 2)].concat();
    let rule = |fields: &str| format!("{models}{{kind: ReclamationRule, name: r, {fields}}}");
    let hours = "software_models: [cad], months: 3, total_hours_used: 1";
    let table = [
        (
            "software_models: [cad], months: 2, total_hours_used: 1",
            "`months` is `2`, was `3`",
        ),
        (
            "software_models: [cad], months: 3, total_hours_used: 2",
            "`total_hours_used` is `2`, was `1`",
        ),
        (
            "software_models: [cad, word], months: 3, total_hours_used: 1",
            "it judges installed software of word now",
        ),
    ];
    for (looser, told) in table {
        assert_eq!(loosens(&rule(hours), &rule(looser)), [told]);
        assert_eq!(loosens(&rule(looser), &rule(hours)), [""; 0], "{looser}");
    }
    let last = |days: u8| {
        rule(&format!(
            "software_models: [cad], reclamation_type: last_used_date, last_used_before: {days}d"
        ))
    };
    let told = loosens(&last(90), &last(60));
    assert_eq!(told, ["`last_used_before` is `60d`, was `90d`"]);
    let new = loosens(&models, &rule("software_models: [cad], notify_user: false"));
    assert_eq!(new, ["it judges installed software of cad now"]);
}
