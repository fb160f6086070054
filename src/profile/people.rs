//! The rows of a user directory's CSV file, one at a time. What cannot be read is told by its line, and
//! nothing of such a file is taken: the directory read before stays in force.

use csv::{ReaderBuilder, StringRecord};
use serde::{Deserialize, Serialize};

use super::user_directory::{AccountClass, Columns, UserDirectory, Values, folded};

/// One line of a directory.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Person {
    /// Where it stands in the file, the header being line 1.
    pub line: u64,
    /// The e-mail address.
    pub email: Option<String>,
    /// The name at sign-in.
    pub user_name: Option<String>,
    /// The vendor's user id.
    pub external_user_id: Option<String>,
    /// The personnel number.
    pub employee_id: Option<String>,
    /// The name for people.
    pub display_name: Option<String>,
    /// The department.
    pub department: Option<String>,
    /// The cost centre.
    pub cost_center: Option<String>,
    /// The company.
    pub company: Option<String>,
    /// The country.
    pub country: Option<String>,
    /// The manager's e-mail address.
    pub manager: Option<String>,
    /// Further addresses.
    pub aliases: Vec<String>,
    /// Whether the person is with us; `None` where the file does not say.
    pub active: Option<bool>,
    /// Whose account it is.
    pub class: AccountClass,
}

/// How many lines a file has.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tally {
    /// All of them, the header aside.
    pub people: u64,
    /// Those that do not say that the person left.
    pub active: u64,
}

impl Tally {
    /// Per cent of the people, or of those who are with us, that `after` has no more: the larger part,
    /// rounded up.
    pub fn lost_in(self, after: Self) -> u64 {
        let lost = |before: u64, after: u64| {
            let gone = before.saturating_sub(after).saturating_mul(100);
            if before == 0 {
                0
            } else {
                gone.div_ceil(before)
            }
        };
        lost(self.people, after.people).max(lost(self.active, after.active))
    }
}

/// Why a file is not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PeopleError {
    /// Something is wrong with a line. What stands there is not repeated: it may be a file that was never
    /// meant to be shown.
    #[error("line {line}: {what}")]
    Line {
        /// Which; the header is line 1.
        line: u64,
        /// What is wrong.
        what: String,
        /// What to do.
        help: &'static str,
    },
    /// It names nobody.
    #[error("it names nobody below its first line")]
    Nobody,
    /// It has no such column.
    #[error("it has no column `{0}`")]
    Column(String),
}

impl PeopleError {
    /// What to do.
    pub fn help(&self) -> &'static str {
        match self {
            Self::Line { help, .. } => help,
            Self::Nobody => {
                "write the file whole; remove the document if nobody is meant to be in it"
            }
            Self::Column(_) => "name the column as the file's first line does",
        }
    }
}

/// Names in the first line of a file.
pub fn header(text: &str, directory: &UserDirectory) -> Result<Vec<String>, PeopleError> {
    let mut reader = reader(text, directory);
    let header = reader.headers().map_err(|error| unreadable(&error, 1))?;
    Ok(header.iter().map(|name| name.trim().to_owned()).collect())
}

/// Shows every person of a file to `each`, until that fails. Never panics, whatever the text.
pub fn read<E: From<PeopleError>>(
    text: &str,
    directory: &UserDirectory,
    mut each: impl FnMut(Person) -> Result<(), E>,
) -> Result<Tally, E> {
    let places = Places::of(&directory.columns, &header(text, directory)?)?;
    let mut reader = reader(text, directory);
    let mut record = StringRecord::new();
    let mut tally = Tally::default();
    let mut lines = Lines::of(text);
    loop {
        let more = reader.read_record(&mut record).map_err(|error| {
            let line = error.position().map_or(1, |at| lines.at(at.byte()));
            unreadable(&error, line)
        })?;
        if !more {
            break;
        }
        let line = record.position().map_or(0, |at| lines.at(at.byte()));
        let person = places.person(&record, line, &directory.values)?;
        tally.people += 1;
        tally.active += u64::from(person.active != Some(false));
        each(person)?;
    }
    // A reader closes what the file leaves open.
    if text.bytes().filter(|byte| *byte == b'"').count() % 2 == 1 {
        let line = text.lines().count().try_into().unwrap_or(u64::MAX);
        return Err(E::from(PeopleError::Line {
            line,
            what: "a quote is opened before it, and not closed until the file ends".to_owned(),
            help: "write the file whole: under another name first, then rename it",
        }));
    }
    if tally.people == 0 {
        return Err(E::from(PeopleError::Nobody));
    }
    Ok(tally)
}

fn reader<'a>(text: &'a str, directory: &UserDirectory) -> csv::Reader<&'a [u8]> {
    ReaderBuilder::new()
        .delimiter(directory.delimiter.byte())
        .from_reader(without_mark(text).as_bytes())
}

fn without_mark(text: &str) -> &str {
    text.strip_prefix('\u{feff}').unwrap_or(text)
}

/// Counts lines as editors do: the reader's own number is one behind where lines end in two characters.
struct Lines<'a> {
    bytes: &'a [u8],
    counted: usize,
    line: u64,
}

impl<'a> Lines<'a> {
    fn of(text: &'a str) -> Self {
        Self {
            bytes: without_mark(text).as_bytes(),
            counted: 0,
            line: 1,
        }
    }

    /// The line of a record that starts at `byte`, or with what is left of a line's end there.
    fn at(&mut self, byte: u64) -> u64 {
        let byte = usize::try_from(byte).unwrap_or(usize::MAX);
        let start = self.bytes.iter().skip(byte);
        let ends = start
            .take_while(|byte| matches!(byte, b'\r' | b'\n'))
            .count();
        let until = byte.saturating_add(ends).min(self.bytes.len());
        let passed = self.bytes.get(self.counted..until).unwrap_or_default();
        let ends = passed.iter().enumerate().filter(|(at, byte)| match byte {
            b'\n' => true,
            b'\r' => passed.get(at + 1) != Some(&b'\n'),
            _ => false,
        });
        self.line += u64::try_from(ends.count()).unwrap_or_default();
        self.counted = self.counted.max(until);
        self.line
    }
}

fn unreadable(error: &csv::Error, line: u64) -> PeopleError {
    let what = match error.kind() {
        csv::ErrorKind::UnequalLengths {
            expected_len, len, ..
        } => format!("{len} fields, and the first line has {expected_len}"),
        _ => error.to_string(),
    };
    PeopleError::Line {
        line,
        what,
        help: "write the file whole, with quotes around fields that hold the delimiter; `delimiter` in the document says which that is",
    }
}

/// Where the columns stand.
#[derive(Debug)]
struct Places {
    email: usize,
    user_name: Option<usize>,
    external_user_id: Option<usize>,
    employee_id: Option<usize>,
    display_name: Option<usize>,
    department: Option<usize>,
    cost_center: Option<usize>,
    company: Option<usize>,
    country: Option<usize>,
    manager: Option<usize>,
    aliases: Option<usize>,
    active: Option<usize>,
    class: Option<usize>,
}

impl Places {
    fn of(columns: &Columns, header: &[String]) -> Result<Self, PeopleError> {
        let place = |name: &str| {
            let found = header.iter().position(|known| known == name.trim());
            found.ok_or_else(|| PeopleError::Column(name.to_owned()))
        };
        let given = |name: &Option<String>| name.as_deref().map(place).transpose();
        Ok(Self {
            email: place(&columns.email)?,
            user_name: given(&columns.user_name)?,
            external_user_id: given(&columns.external_user_id)?,
            employee_id: given(&columns.employee_id)?,
            display_name: given(&columns.display_name)?,
            department: given(&columns.department)?,
            cost_center: given(&columns.cost_center)?,
            company: given(&columns.company)?,
            country: given(&columns.country)?,
            manager: given(&columns.manager)?,
            aliases: given(&columns.aliases)?,
            active: given(&columns.active)?,
            class: given(&columns.class)?,
        })
    }

    fn person(
        &self,
        record: &StringRecord,
        line: u64,
        values: &Values,
    ) -> Result<Person, PeopleError> {
        let text = |place: Option<usize>| {
            let text = record.get(place?)?.trim();
            (!text.is_empty()).then(|| text.to_owned())
        };
        let aliases = text(self.aliases).unwrap_or_default();
        let aliases = aliases.split(';').map(str::trim);
        Ok(Person {
            line,
            email: text(Some(self.email)),
            user_name: text(self.user_name),
            external_user_id: text(self.external_user_id),
            employee_id: text(self.employee_id),
            display_name: text(self.display_name),
            department: text(self.department),
            cost_center: text(self.cost_center),
            company: text(self.company),
            country: text(self.country),
            manager: text(self.manager),
            aliases: aliases
                .filter(|alias| !alias.is_empty())
                .map(str::to_owned)
                .collect(),
            active: is_active(text(self.active).as_deref(), line, values)?,
            class: class(text(self.class).as_deref(), line, values)?,
        })
    }
}

fn is_active(text: Option<&str>, line: u64, values: &Values) -> Result<Option<bool>, PeopleError> {
    let Some(word) = text.and_then(folded) else {
        return Ok(None);
    };
    if values.active.contains(&word) {
        Ok(Some(true))
    } else if values.inactive.contains(&word) {
        Ok(Some(false))
    } else {
        Err(PeopleError::Line {
            line,
            what: "its word does not say whether the person is active".to_owned(),
            help: "name the file's words in `values: {active: […], inactive: […]}`",
        })
    }
}

fn class(text: Option<&str>, line: u64, values: &Values) -> Result<AccountClass, PeopleError> {
    let Some(word) = text.and_then(folded) else {
        return Ok(AccountClass::Human);
    };
    let known = [
        (&values.human, AccountClass::Human),
        (&values.service, AccountClass::Service),
        (&values.shared, AccountClass::Shared),
    ];
    let found = known.into_iter().find(|(words, _)| words.contains(&word));
    found
        .map(|(_, class)| class)
        .ok_or_else(|| PeopleError::Line {
            line,
            what: "its word does not say whose account it is".to_owned(),
            help: "name the file's words in `values: {human: […], service: […], shared: […]}`",
        })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::profile::user_directory::{Delimiter, MatchField, Resolution};
    use crate::yaml::duration::Span;

    fn directory(delimiter: Delimiter) -> UserDirectory {
        let some = |name: &str| Some(name.to_owned());
        UserDirectory {
            name: "hr".parse().unwrap(),
            file: "hr.csv".to_owned(),
            delimiter,
            columns: Columns {
                email: "mail".to_owned(),
                department: some("dept"),
                active: some("here"),
                class: some("kind"),
                ..Columns::default()
            },
            values: Values::default(),
            resolution: vec![Resolution::by(MatchField::Email)],
            max_age: Span::days(7),
            largest_loss: 50,
        }
    }

    fn people(text: &str, delimiter: Delimiter) -> Result<Vec<Person>, PeopleError> {
        let mut people = Vec::new();
        read(text, &directory(delimiter), |person| {
            people.push(person);
            Ok::<(), PeopleError>(())
        })?;
        Ok(people)
    }

    #[test]
    fn a_file_is_read_with_its_mark_its_delimiter_and_its_line_numbers() {
        let text = "\u{feff}mail;here;kind;dept\r\nada@x.org;yes;;\"Re;\nsearch\"\r\nbot@x.org;NO;Service;\r\n";
        let people = people(text, Delimiter::Semicolon).unwrap();
        assert_eq!(people[0].email.as_deref(), Some("ada@x.org"));
        assert_eq!(people[0].department.as_deref(), Some("Re;\nsearch"));
        assert_eq!(
            (people[0].active, people[0].class),
            (Some(true), AccountClass::Human)
        );
        assert_eq!(
            (people[1].active, people[1].class, people[1].line),
            (Some(false), AccountClass::Service, 4)
        );
    }

    #[test]
    fn what_is_wrong_is_told_by_its_line() {
        let head = "mail,here,kind,dept\n";
        for (rows, told) in [
            ("", "it names nobody below its first line"),
            (
                "a@b.c,yes,human\n",
                "line 2: 3 fields, and the first line has 4",
            ),
            (
                "a@b.c,,,x\nb@b.c,perhaps,,x\n",
                "line 3: its word does not say whether the person is active",
            ),
            (
                "a@b.c,,robot,x\n",
                "line 2: its word does not say whose account it is",
            ),
            (
                "a@b.c,,,x\nb@b.c,,,\"cut",
                "line 3: a quote is opened before it, and not closed until the file ends",
            ),
        ] {
            let error = people(&format!("{head}{rows}"), Delimiter::Comma).unwrap_err();
            assert_eq!(error.to_string(), told);
            assert!(!error.help().is_empty());
        }
        let error = people("mail,here,kind\n", Delimiter::Comma).unwrap_err();
        assert_eq!(error, PeopleError::Column("dept".to_owned()));
    }

    #[test]
    fn who_left_is_lost_as_well_as_who_is_gone() {
        let tally = |people, active| Tally { people, active };
        assert_eq!(tally(10, 10).lost_in(tally(10, 4)), 60);
        assert_eq!(tally(10, 5).lost_in(tally(5, 5)), 50);
        assert_eq!(tally(0, 0).lost_in(tally(5, 5)), 0);
        assert_eq!(tally(3, 3).lost_in(tally(2, 3)), 34);
    }

    #[test]
    fn lines_are_counted_whatever_they_end_in() {
        for end in ["\n", "\r\n", "\r"] {
            let lines = [
                "mail,here,kind,dept",
                "a@b.c,,,",
                "",
                "b@b.c,,,\"x",
                "y\"",
                "c@b.c,,,",
            ];
            let found = people(&lines.join(end), Delimiter::Comma).unwrap();
            let at: Vec<u64> = found.iter().map(|person| person.line).collect();
            assert_eq!(at, [2, 4, 6], "{end:?}");
        }
    }

    proptest! {
        /// The store keeps people by their line.
        #[test]
        fn no_two_people_stand_in_one_line(rows in "[a,\"\n\r]{0,60}") {
            let text = format!("mail,here,kind,dept\n{rows}");
            let mut last = 1;
            read(&text, &directory(Delimiter::Comma), |person| {
                assert!(person.line > last, "{person:?} after {last}");
                last = person.line;
                Ok::<(), PeopleError>(())
            }).ok();
        }

        #[test]
        fn no_text_upsets_it(text in "[a,;\"\n\r\u{feff}]{0,40}", rest in any::<String>()) {
            for text in [format!("mail,here,kind,dept\n{text}{rest}"), text] {
                if let Err(error) = people(&text, Delimiter::Comma) {
                    prop_assert!(!error.to_string().is_empty());
                }
            }
        }
    }
}
