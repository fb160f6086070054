//! The lists that can be exported: where each comes from, and its columns. docs/exports.md names them too.

use super::column::Column;
use super::column::Kind::{self, Boolean, Day, Decimal, Instant, Integer, Json, Text};

/// A list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct List {
    /// Its word on the command line.
    pub name: &'static str,
    /// What a row is.
    pub about: &'static str,
    /// Where the control API has it.
    pub path: &'static str,
    /// What is asked for there beside the page.
    pub query: &'static [(&'static str, &'static str)],
    /// Its columns.
    pub columns: &'static [Column],
}

const fn column(name: &'static str, kind: Kind, from: &'static str) -> Column {
    Column { name, kind, from }
}

/// Every list.
pub const LISTS: &[List] = &[
    SUBSCRIPTIONS,
    IDENTIFIERS,
    MODELS,
    ENTITLEMENTS,
    CANDIDATES,
    INSTALLED_CANDIDATES,
    JOBS,
    INSTALLED_RUNS,
    EXCLUSIONS,
    RULES,
    CONNECTIONS,
    USERS,
    EVENTS,
    POSITION,
    POSITION_GROUPS,
    NOTICES,
    AUDIT,
    USAGE,
];

const SUBSCRIPTIONS: List = List {
    name: "subscriptions",
    about: "a seat: one user's subscription of one product, ended ones included",
    path: "/v1/subscriptions",
    query: &[("presence", "any")],
    columns: &[
        column("id", Integer, "/id"),
        column("profile", Text, "/profile"),
        column("external_user_id", Text, "/external_user_id"),
        column("identifier", Text, "/identifier"),
        column("email", Text, "/email"),
        column("display_name", Text, "/display_name"),
        column("department", Text, "/department"),
        column("status", Text, "/status"),
        column("role", Text, "/role"),
        column("user_created_at", Instant, "/user_created_at"),
        column("last_login_at", Instant, "/last_login_at"),
        column("bundled", Boolean, "/bundled"),
        column("paid", Boolean, "/paid"),
        column("source", Text, "/source"),
        column("first_seen", Instant, "/first_seen"),
        column("last_seen", Instant, "/last_seen"),
        column("changed_at", Instant, "/changed_at"),
        column("ended_at", Instant, "/ended_at"),
        column("ended_by", Text, "/ended_by"),
        column("last_activity", Day, "/last_activity/day"),
        column("last_activity_grade", Text, "/last_activity/grade"),
        column("last_hosted", Day, "/last_hosted"),
        column("excluded_by", Text, "/excluded/rule"),
        column("excluded_reason", Text, "/excluded/reason"),
        column("protected_by", Text, "/protected/rule"),
        column("protected_reason", Text, "/protected/reason"),
    ],
};

const IDENTIFIERS: List = List {
    name: "identifiers",
    about: "an identifier in a profile, with its numbers",
    path: "/v1/identifiers",
    query: &[],
    columns: &[
        column("profile", Text, "/profile"),
        column("identifier", Text, "/identifier"),
        column("seats", Integer, "/seats"),
        column("paid", Integer, "/paid"),
        column("excluded", Integer, "/excluded"),
        column("with_activity", Integer, "/with_activity"),
        column("bought", Integer, "/bought"),
        column("assigned", Integer, "/assigned"),
        column("software_model", Text, "/software_model"),
        column("publisher", Text, "/publisher"),
        column("product", Text, "/product"),
    ],
};

const MODELS: List = List {
    name: "models",
    about: "a software model, built in or written",
    path: "/v1/models",
    query: &[],
    columns: &[
        column("name", Text, "/name"),
        column("publisher", Text, "/publisher"),
        column("product", Text, "/product"),
        column("origin", Text, "/origin"),
        column("under_management", Boolean, "/under_management"),
        column("seats", Integer, "/seats"),
        column("identifiers", Json, "/identifiers"),
        column("norm_products", Json, "/norm_products"),
    ],
};

const ENTITLEMENTS: List = List {
    name: "entitlements",
    about: "purchased rights",
    path: "/v1/entitlements",
    query: &[],
    columns: &[
        column("name", Text, "/name"),
        column("software_model", Text, "/software_model"),
        column("publisher", Text, "/product/publisher"),
        column("product", Text, "/product/product"),
        column("metric", Text, "/metric"),
        column("state", Text, "/state"),
        column("quantity", Integer, "/quantity"),
        column("unlimited", Boolean, "/unlimited"),
        column("unit_cost", Decimal, "/unit_cost"),
        column("currency", Text, "/currency"),
        column("period", Text, "/period"),
        column("start", Day, "/start"),
        column("end", Day, "/end"),
        column("department", Text, "/department"),
        column("cost_center", Text, "/cost_center"),
        column("company", Text, "/company"),
        column("country", Text, "/country"),
    ],
};

const CANDIDATES: List = List {
    name: "candidates",
    about: "a seat found unused, and what became of it",
    path: "/v1/candidates",
    query: &[],
    columns: &[
        column("id", Integer, "/id"),
        column("profile", Text, "/profile"),
        column("subscription", Integer, "/subscription"),
        column("external_user_id", Text, "/external_user_id"),
        column("email", Text, "/email"),
        column("display_name", Text, "/display_name"),
        column("identifier", Text, "/identifier"),
        column("state", Text, "/state"),
        column("attention", Text, "/attention"),
        column("reason", Text, "/reason"),
        column("justification", Text, "/justification"),
        column("rule", Text, "/rule"),
        column("rule_digest", Text, "/rule_digest"),
        column("reference", Text, "/reference/kind"),
        column("reference_day", Day, "/reference/day"),
        column("last_activity", Day, "/last_activity"),
        column("last_activity_grade", Text, "/last_grade"),
        column("evidence_grade", Text, "/grade"),
        column("evidence_digest", Text, "/evidence_digest"),
        column("savings_amount", Decimal, "/savings/amount"),
        column("savings_currency", Text, "/savings/currency"),
        column("savings_period", Text, "/savings/period"),
        column("savings_entitlement", Text, "/savings/entitlement"),
        column("assignment_group", Text, "/assignment_group"),
        column("opened_at", Instant, "/opened_at"),
        column("changed_at", Instant, "/changed_at"),
        column("closed_at", Instant, "/closed_at"),
        column("pressed_by", Text, "/pressed_by"),
        column("round", Integer, "/round"),
        column("asked_at", Instant, "/asked_at"),
        column("answer_by", Instant, "/answer_by"),
        column("kept_until", Instant, "/kept_until"),
        column("restored_at", Instant, "/restored_at"),
    ],
};

const INSTALLED_CANDIDATES: List = List {
    name: "installed-candidates",
    about: "software found unused on a configuration item",
    path: "/v1/installed/candidates",
    query: &[],
    columns: &[
        column("id", Integer, "/id"),
        column("configuration_item", Text, "/configuration_item"),
        column("norm_product", Text, "/norm_product"),
        column("software_model", Text, "/software_model"),
        column("product", Text, "/product"),
        column("state", Text, "/state"),
        column("attention", Text, "/attention"),
        column("reason", Text, "/reason"),
        column("justification", Text, "/justification"),
        column("rule", Text, "/rule"),
        column("rule_digest", Text, "/rule_digest"),
        column("evidence", Json, "/evidence"),
        column("savings_amount", Decimal, "/savings/amount"),
        column("savings_currency", Text, "/savings/currency"),
        column("savings_period", Text, "/savings/period"),
        column("savings_entitlement", Text, "/savings/entitlement"),
        column("assignment_group", Text, "/assignment_group"),
        column("opened_at", Instant, "/opened_at"),
        column("changed_at", Instant, "/changed_at"),
        column("closed_at", Instant, "/closed_at"),
        column("pressed_by", Text, "/pressed_by"),
        column("round", Integer, "/round"),
        column("answer_by", Instant, "/answer_by"),
        column("kept_until", Instant, "/kept_until"),
    ],
};

const JOBS: List = List {
    name: "jobs",
    about: "a run of a subflow",
    path: "/v1/jobs",
    query: &[],
    columns: &[
        column("id", Text, "/id"),
        column("profile", Text, "/profile"),
        column("subflow", Text, "/subflow"),
        column("trigger", Text, "/trigger"),
        column("due_at", Instant, "/due_at"),
        column("state", Text, "/state"),
        column("not_before", Instant, "/not_before"),
        column("attempts", Integer, "/attempts"),
        column("started_at", Instant, "/started_at"),
        column("ended_at", Instant, "/ended_at"),
        column("fetched", Integer, "/counts/fetched"),
        column("inserted", Integer, "/counts/inserted"),
        column("updated", Integer, "/counts/updated"),
        column("ended", Integer, "/counts/ended"),
        column("excluded", Integer, "/counts/excluded"),
        column("unrecognized", Integer, "/counts/unrecognized"),
        column("unresolved", Integer, "/counts/unresolved"),
        column("vendor_calls", Integer, "/counts/vendor_calls"),
        column("retries", Integer, "/counts/retries"),
        column("throttled_ms", Integer, "/counts/throttled_ms"),
        column("failure_step", Text, "/failure/step"),
        column("failure_status", Integer, "/failure/status"),
        column("failure_code", Text, "/failure/code"),
        column("failure_message", Text, "/failure/message"),
        column("failure_trace_id", Text, "/failure/trace_id"),
    ],
};

const INSTALLED_RUNS: List = List {
    name: "installed-runs",
    about: "a run that looks for unused installed software",
    path: "/v1/installed/runs",
    query: &[],
    columns: &[
        column("id", Text, "/id"),
        column("trigger", Text, "/trigger"),
        column("due_at", Instant, "/due_at"),
        column("state", Text, "/state"),
        column("started_at", Instant, "/started_at"),
        column("ended_at", Instant, "/ended_at"),
        column("fetched", Integer, "/counts/fetched"),
        column("inserted", Integer, "/counts/inserted"),
        column("updated", Integer, "/counts/updated"),
        column("ended", Integer, "/counts/ended"),
        column("failure_step", Text, "/failure/step"),
        column("failure_message", Text, "/failure/message"),
    ],
};

const EXCLUSIONS: List = List {
    name: "exclusions",
    about: "an exclusion or protection, at a profile that it reaches",
    path: "/v1/exclusions",
    query: &[],
    columns: &[
        column("profile", Text, "/profile"),
        column("purpose", Text, "/purpose"),
        column("entry", Text, "/entry"),
        column("rule", Text, "/rule"),
        column("reason", Text, "/reason"),
        column("expires", Day, "/expires"),
        column("in_force", Boolean, "/in_force"),
        column("users", Integer, "/users"),
        column("seats", Integer, "/seats"),
        column("ever_matched", Boolean, "/ever_matched"),
    ],
};

const RULES: List = List {
    name: "rules",
    about: "the reclamation rule of an identifier in a profile",
    path: "/v1/rules",
    query: &[],
    columns: &[
        column("profile", Text, "/profile"),
        column("identifier", Text, "/identifier"),
        column("origin", Text, "/origin"),
        column("counts", Json, "/counts"),
        column("tells_disuse", Boolean, "/tells_disuse"),
        column("rule", Json, ""),
    ],
};

const CONNECTIONS: List = List {
    name: "connections",
    about: "a connection in use",
    path: "/v1/connections",
    query: &[],
    columns: &[
        column("name", Text, "/name"),
        column("vendor", Text, "/vendor"),
        column("url", Text, "/url"),
        column("grant", Text, "/grant"),
        column("client_id", Text, "/client_id"),
        column("share", Integer, "/share"),
        column("profiles", Json, "/profiles"),
        column("authorization", Json, "/authorization"),
        column("retry", Json, "/retry"),
        column("warning", Text, "/warning"),
    ],
};

const USERS: List = List {
    name: "users",
    about: "a user who holds seats in a profile, and who that is by the user directories",
    path: "/v1/users",
    query: &[("rows_only", "true")],
    columns: &[
        column("profile", Text, "/profile"),
        column("external_user_id", Text, "/external_user_id"),
        column("email", Text, "/email"),
        column("seats", Integer, "/seats"),
        column("outcome", Text, "/outcome"),
        column("directory", Text, "/origin/directory"),
        column("line", Integer, "/origin/line"),
        column("matched_by", Text, "/origin/matched_by"),
        column("found", Integer, "/origin/found"),
        column("display_name", Text, "/person/display_name"),
        column("employee_id", Text, "/person/employee_id"),
        column("department", Text, "/person/department"),
        column("cost_center", Text, "/person/cost_center"),
        column("company", Text, "/person/company"),
        column("country", Text, "/person/country"),
        column("manager", Text, "/person/manager"),
        column("active", Boolean, "/person/active"),
        column("class", Text, "/person/class"),
    ],
};

const EVENTS: List = List {
    name: "events",
    about: "what a user did on a day, and a seat that it is use of",
    path: "/v1/events",
    query: &[],
    columns: &[
        column("id", Text, "/id"),
        column("event", Text, "/event"),
        column("day", Day, "/day"),
        column("count", Integer, "/count"),
        column("grade", Text, "/grade"),
        column("profile", Text, "/profile"),
        column("user", Text, "/user"),
        column("subscription", Integer, "/subscription"),
        column("external_user_id", Text, "/external_user_id"),
        column("email", Text, "/email"),
        column("identifier", Text, "/identifier"),
        column("publisher", Text, "/publisher"),
        column("product", Text, "/product"),
    ],
};

const POSITION: List = List {
    name: "position",
    about: "a product in the latest position, or one of its models by license metric; in one currency",
    path: "/v1/position/rows",
    query: &[],
    columns: POSITION_COLUMNS,
};

const POSITION_GROUPS: List = List {
    name: "position-groups",
    about: "the same in one group: a department, cost centre, company or country",
    path: "/v1/position/rows",
    query: &[("grouped", "true")],
    columns: POSITION_COLUMNS,
};

const POSITION_COLUMNS: &[Column] = &[
    column("run", Integer, "/run"),
    column("calculated_at", Instant, "/calculated_at"),
    column("day", Day, "/day"),
    column("grouping", Text, "/grouping"),
    column("group", Text, "/group"),
    column("tier", Text, "/tier"),
    column("publisher", Text, "/publisher"),
    column("product", Text, "/product"),
    column("software_model", Text, "/software_model"),
    column("metric", Text, "/metric"),
    column("status", Text, "/status"),
    column("rights_owned", Integer, "/rights/owned"),
    column("unlimited", Boolean, "/rights/unlimited"),
    column("rights_used", Integer, "/rights/used"),
    column("rights_available", Integer, "/rights/available"),
    column("rights_needed", Integer, "/rights/needed"),
    column("covered_by_product", Integer, "/rights/covered_by_product"),
    column("rights_stale", Integer, "/rights/stale"),
    column("percent_stale", Decimal, "/rights/percent_stale"),
    column(
        "needed_without_price",
        Integer,
        "/rights/needed_without_price",
    ),
    column("currency", Text, "/currency"),
    column("total_spend", Decimal, "/amounts/total_spend"),
    column("true_up_cost", Decimal, "/amounts/true_up_cost"),
    column(
        "over_licensed_amount",
        Decimal,
        "/amounts/over_licensed_amount",
    ),
    column("potential_savings", Decimal, "/amounts/potential_savings"),
    column("realised_savings", Decimal, "/amounts/realised_savings"),
    column("vendor_bought", Integer, "/vendor/bought"),
    column("vendor_assigned", Integer, "/vendor/assigned"),
    column("drift", Integer, "/vendor/drift"),
];

const NOTICES: List = List {
    name: "notices",
    about: "what somebody was told",
    path: "/v1/notices",
    query: &[],
    columns: &[
        column("id", Integer, "/id"),
        column("uid", Text, "/uid"),
        column("kind", Text, "/kind"),
        column("about", Text, "/about"),
        column("created_at", Instant, "/created_at"),
        column("ways", Json, "/ways"),
    ],
};

const AUDIT: List = List {
    name: "audit",
    about: "a decision or a write",
    path: "/v1/audit",
    query: &[],
    columns: &[
        column("seq", Integer, "/seq"),
        column("at", Instant, "/at"),
        column("action", Text, "/action"),
        column("who", Text, "/who"),
        column("profile", Text, "/profile"),
        column("candidate", Integer, "/candidate"),
        column("identifier", Text, "/identifier"),
        column("facts", Json, "/facts"),
        column("texts", Json, "/texts"),
        column("hash", Text, "/hash"),
    ],
};

/// Read as a stream, not by pages.
pub const USAGE: List = List {
    name: "usage",
    about: "a usage record that an agent pushed",
    path: "/v1/usage/export",
    query: &[],
    columns: &[
        column("sys_id", Text, "/sys_id"),
        column("reclamation_type", Text, "/reclamation_type"),
        column("configuration_item", Text, "/configuration_item"),
        column("norm_product", Text, "/norm_product"),
        column("norm_publisher", Text, "/norm_publisher"),
        column("user", Text, "/user"),
        column("month_used", Integer, "/month_used"),
        column("year", Integer, "/year"),
        column("usage_count", Integer, "/usage_count"),
        column("total_usage_time", Integer, "/total_usage_time"),
        column("last_used_time", Instant, "/last_used_time"),
        column("discovery_source", Text, "/discovery_source"),
        column("usage_type", Text, "/usage_type"),
        column("created_at", Instant, "/created_at"),
        column("updated_at", Instant, "/updated_at"),
    ],
};
