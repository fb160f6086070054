//! `kind: UserDirectory`: what the document says by itself. Its file is looked at where it is loaded.

use std::path::{Component, Path};

use super::DirectoryFile;
use crate::profile::model::Document;
use crate::profile::raw::rules::{RawColumns, RawResolution, RawUserDirectory, RawValues};
use crate::profile::raw::words::Prose;
use crate::profile::user_directory::{
    Columns, MatchField, MatchSource, Resolution, Transform, UserDirectory, Values,
};
use crate::yaml::diagnostic::Findings;
use crate::yaml::duration::Span;
use crate::yaml::read::{At, Read};
use crate::yaml::tree::Node;

/// HR systems export nightly or weekly.
const USUAL_AGE: Span = Span::days(7);
/// A file that loses half of its people is half written rather than true.
const USUAL_LOSS: u8 = 50;

pub(super) fn user_directory(
    node: &Node,
    directory: &mut Option<DirectoryFile>,
    to: &mut Findings,
) -> Option<Document> {
    let raw = RawUserDirectory::read(node, to)?;
    let columns = raw.columns.0.as_ref().map(|columns| &columns.value);
    for resolution in raw.resolution.iter().flatten() {
        check_resolution(resolution, columns, to);
    }
    if let Some(file) = &raw.file.0 {
        if stays_beside(Path::new(&file.value.0)) {
            *directory = Some(DirectoryFile {
                file: At {
                    value: file.value.0.clone(),
                    region: file.region,
                },
                columns: columns.map(column_names).unwrap_or_default(),
            });
        } else {
            to.error(
                "profile::directory_file",
                file.region,
                format!("`{}` is not beside the document", file.value.0),
            )
            .help("write a relative path without `..`");
        }
    }
    let columns = checked_columns(raw.columns.0?.value)?;
    let resolution = match raw.resolution {
        Some(rules) => rules
            .into_iter()
            .filter_map(|rule| checked(rule.value))
            .collect(),
        None => usual(&columns),
    };
    Some(Document::UserDirectory(Box::new(UserDirectory {
        name: raw.name.0?.value,
        file: raw.file.0?.value.0,
        delimiter: raw.delimiter.unwrap_or_default(),
        values: values(raw.values),
        resolution,
        columns,
        max_age: raw.max_age.unwrap_or(USUAL_AGE),
        largest_loss: raw.largest_loss.map_or(USUAL_LOSS, |loss| loss.0),
    })))
}

fn stays_beside(path: &Path) -> bool {
    path.components()
        .all(|part| matches!(part, Component::Normal(_) | Component::CurDir))
}

fn column_names(raw: &RawColumns) -> Vec<At<String>> {
    let fields = [
        raw.email.0.as_ref(),
        raw.user_name.as_ref(),
        raw.external_user_id.as_ref(),
        raw.employee_id.as_ref(),
        raw.display_name.as_ref(),
        raw.department.as_ref(),
        raw.cost_center.as_ref(),
        raw.company.as_ref(),
        raw.country.as_ref(),
        raw.manager.as_ref(),
        raw.aliases.as_ref(),
        raw.active.as_ref(),
        raw.class.as_ref(),
    ];
    let given = fields.into_iter().flatten();
    given
        .map(|field| At {
            value: field.value.0.clone(),
            region: field.region,
        })
        .collect()
}

fn checked_columns(raw: RawColumns) -> Option<Columns> {
    let name = |column: Option<At<Prose>>| column.map(|column| column.value.0);
    Some(Columns {
        email: raw.email.0?.value.0,
        user_name: name(raw.user_name),
        external_user_id: name(raw.external_user_id),
        employee_id: name(raw.employee_id),
        display_name: name(raw.display_name),
        department: name(raw.department),
        cost_center: name(raw.cost_center),
        company: name(raw.company),
        country: name(raw.country),
        manager: name(raw.manager),
        aliases: name(raw.aliases),
        active: name(raw.active),
        class: name(raw.class),
    })
}

fn values(raw: Option<RawValues>) -> Values {
    let usual = Values::default();
    let Some(raw) = raw else { return usual };
    let words = |given: Option<Vec<Prose>>, usual: Vec<String>| match given {
        Some(words) => words
            .into_iter()
            .map(|word| word.0.trim().to_lowercase())
            .collect(),
        None => usual,
    };
    Values {
        active: words(raw.active, usual.active),
        inactive: words(raw.inactive, usual.inactive),
        human: words(raw.human, usual.human),
        service: words(raw.service, usual.service),
        shared: words(raw.shared, usual.shared),
    }
}

/// ServiceNow's way without rules: the address, then the name at sign-in.
fn usual(columns: &Columns) -> Vec<Resolution> {
    let by_name = columns
        .user_name
        .as_ref()
        .map(|_| Resolution::by(MatchField::UserName));
    [Resolution::by(MatchField::Email)]
        .into_iter()
        .chain(by_name)
        .collect()
}

fn checked(raw: RawResolution) -> Option<Resolution> {
    let domain = |domain: Option<At<Prose>>| domain.map(|domain| domain.value.0);
    Some(Resolution {
        r#match: raw.r#match.0?.value,
        source: raw.source.unwrap_or_default(),
        transform: raw
            .transform
            .map(|transform| transform.value)
            .unwrap_or_default(),
        new_domain: domain(raw.new_domain),
        old_domain: domain(raw.old_domain),
    })
}

fn check_resolution(
    resolution: &At<RawResolution>,
    columns: Option<&RawColumns>,
    to: &mut Findings,
) {
    let raw = &resolution.value;
    if let (Some(field), Some(columns)) = (&raw.r#match.0, columns) {
        let known = match field.value {
            MatchField::Email => true,
            MatchField::UserName => columns.user_name.is_some(),
            MatchField::ExternalUserId => columns.external_user_id.is_some(),
            MatchField::EmployeeId => columns.employee_id.is_some(),
            MatchField::Aliases => columns.aliases.is_some(),
        };
        if !known {
            let key = field.value.as_str();
            let message = format!("`{key}` is not among the columns");
            to.error("profile::resolution", field.region, message)
                .help(format!("name its column: `columns: {{{key}: …}}`"));
        }
    }
    let transform = raw.transform.as_ref().map(|transform| transform.value);
    let replaces = transform == Some(Transform::ReplaceDomain);
    match (&raw.new_domain, &raw.transform) {
        (None, Some(transform)) if replaces => {
            to.error(
                "profile::resolution",
                transform.region,
                "`replace_domain` needs `new_domain`",
            );
        }
        (Some(domain), _) if !replaces => {
            to.error(
                "profile::resolution",
                domain.region,
                "`new_domain` belongs to `transform: replace_domain`",
            );
        }
        _ => {}
    }
    if let Some(domain) = &raw.old_domain
        && raw.source == Some(MatchSource::ExternalUserId)
    {
        to.error(
            "profile::resolution",
            domain.region,
            "`old_domain` is of addresses, and this rule compares the vendor's user id",
        )
        .help("leave it out, or compare the e-mail address");
    }
}
