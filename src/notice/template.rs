//! The texts of mail, made from templates. Each kind of notice has a built-in one; a team overrides it
//! with a file of the same name in the folder that `notifications.templates` gives.
//!
//! A template's first line is `Subject: …`, the rest is the body. What it may name is in
//! [`super::content`]; anything else is an error, found when the template is loaded.

use std::path::{Path, PathBuf};

use jiff::Timestamp;
use jiff::civil::date;
use minijinja::syntax::SyntaxConfig;
use minijinja::value::Serde;
use minijinja::{AutoEscape, Environment, UndefinedBehavior};

use super::content::{
    Alerted, Content, Digest, Person, Question, Trial, Waiting, WaitingInstalled, WaitingSeat,
    WaitingSoftware,
};

/// A subject and a body, both plain text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Letter {
    /// One line.
    pub subject: String,
    /// Lines that end with a line feed.
    pub body: String,
}

/// What is wrong with a template.
#[derive(Debug, thiserror::Error)]
pub enum TemplateError {
    /// The file cannot be read.
    #[error("template `{}` cannot be read: {reason}", path.display())]
    Unreadable {
        /// Which file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// It is not a template, or names what is not there.
    #[error("template `{name}` does not work: {reason}")]
    Broken {
        /// Which template.
        name: String,
        /// Why, with the line.
        reason: String,
    },
    /// It does not begin with its subject.
    #[error("template `{name}` does not begin with a line `Subject: …`")]
    NoSubject {
        /// Which template.
        name: String,
    },
}

/// What each kind is called, and its built-in text.
const BUILT_IN: [(&str, &str); 4] = [
    ("question.txt", include_str!("templates/question.txt")),
    ("digest.txt", include_str!("templates/digest.txt")),
    ("alert.txt", include_str!("templates/alert.txt")),
    ("trial.txt", include_str!("templates/trial.txt")),
];

/// The largest template that is read, in bytes.
const LARGEST: usize = 64 * 1024;
/// The most steps that rendering one may take: a loop in a loop in a loop is no letter.
const FUEL: u64 = 5_000_000;

/// The templates in force.
#[derive(Debug)]
pub struct Templates {
    environment: Environment<'static>,
}

impl Templates {
    /// The built-in ones, and over them those in `folder`. One that does not work is told, and the
    /// built-in one stays.
    pub fn load(folder: Option<&Path>) -> (Self, Vec<TemplateError>) {
        let mut templates = Self {
            environment: environment(),
        };
        let mut wrong = Vec::new();
        for (name, built_in) in BUILT_IN {
            wrong.extend(templates.take(name, built_in.to_owned()).err());
            let Some(folder) = folder else {
                continue;
            };
            match read(&folder.join(name)) {
                Ok(None) => {}
                Ok(Some(source)) => {
                    if let Err(error) = templates.take(name, source) {
                        wrong.push(error);
                        wrong.extend(templates.take(name, built_in.to_owned()).err());
                    }
                }
                Err(error) => wrong.push(error),
            }
        }
        (templates, wrong)
    }

    /// Takes one template over, if it can say everything that it may have to.
    fn take(&mut self, name: &'static str, source: String) -> Result<(), TemplateError> {
        self.environment
            .add_template_owned(name, source)
            .map_err(|error| broken(name, &error))?;
        for sample in samples() {
            if name_of(&sample) == name {
                self.write(&sample)?;
            }
        }
        Ok(())
    }

    /// The letter that says `content`.
    pub fn write(&self, content: &Content) -> Result<Letter, TemplateError> {
        let name = name_of(content);
        let text = self
            .environment
            .get_template(name)
            .and_then(|template| template.render(Serde(tamed(content))))
            .map_err(|error| broken(name, &error))?;
        let (first, body) = text.split_once('\n').unwrap_or((&text, ""));
        let subject = first
            .strip_prefix("Subject:")
            .ok_or_else(|| TemplateError::NoSubject {
                name: name.to_owned(),
            })?;
        Ok(Letter {
            subject: subject.trim().to_owned(),
            body: format!("{}\n", body.trim_end()),
        })
    }
}

/// A tag that stands alone on a line leaves no line behind.
fn environment() -> Environment<'static> {
    let mut environment = Environment::new();
    let syntax = SyntaxConfig::builder()
        .trim_blocks(true)
        .lstrip_blocks(true)
        .build();
    environment.set_syntax(syntax.unwrap_or_default());
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_auto_escape_callback(|_| AutoEscape::None);
    environment.set_fuel(Some(FUEL));
    environment
}

fn name_of(content: &Content) -> &'static str {
    match content {
        Content::Question(_) => "question.txt",
        Content::Digest(_) => "digest.txt",
        Content::Alert(_) => "alert.txt",
        Content::Trial(_) => "trial.txt",
    }
}

fn read(path: &Path) -> Result<Option<String>, TemplateError> {
    let unreadable = |reason: String| TemplateError::Unreadable {
        path: path.to_owned(),
        reason,
    };
    match std::fs::read_to_string(path) {
        Ok(text) if text.len() > LARGEST => {
            Err(unreadable(format!("it is larger than {LARGEST} bytes")))
        }
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(unreadable(error.to_string())),
    }
}

fn broken(name: &str, error: &minijinja::Error) -> TemplateError {
    TemplateError::Broken {
        name: name.to_owned(),
        reason: error.to_string(),
    }
}

/// The facts with nothing in them that breaks a line or steers a terminal: names come from vendors.
fn tamed(content: &Content) -> serde_json::Value {
    let mut facts = serde_json::to_value(content).unwrap_or_default();
    tame(&mut facts);
    facts
}

fn tame(value: &mut serde_json::Value) {
    match value {
        serde_json::Value::String(text) => {
            *text = crate::connector::http::tame(text, &[]);
        }
        serde_json::Value::Array(list) => list.iter_mut().for_each(tame),
        serde_json::Value::Object(map) => map.values_mut().for_each(tame),
        _ => {}
    }
}

/// Facts of every kind, with everything that may be there and with everything absent that may be.
fn samples() -> Vec<Content> {
    let at = Timestamp::UNIX_EPOCH;
    let day = date(1970, 1, 1);
    let person = Person {
        id: "u1".to_owned(),
        email: "user@example.com".to_owned(),
        name: "A User".to_owned(),
    };
    let full = Question {
        candidate: 1,
        profile: "zoom".to_owned(),
        profile_display_name: "Zoom".to_owned(),
        vendor: "Zoom".to_owned(),
        identifier: "zoom.licensed".to_owned(),
        user: person.clone(),
        last_activity: Some(day),
        idle_since: day,
        answer_by: at,
        answer_url: Some("https://seats.example.com/answer/x".to_owned()),
        contact: Some("sam@example.com".to_owned()),
    };
    let sparse = Question {
        last_activity: None,
        answer_url: None,
        contact: None,
        ..full.clone()
    };
    let seat = WaitingSeat {
        candidate: 1,
        identifier: "zoom.licensed".to_owned(),
        user: person,
        reason: "its user wants to keep it".to_owned(),
    };
    let waiting = |seats: Vec<WaitingSeat>, number| Waiting {
        profile: "zoom".to_owned(),
        awaiting_approval: seats.clone(),
        attention_required: seats,
        ready: number,
        unlisted: number,
    };
    let software = vec![WaitingSoftware {
        candidate: 2,
        configuration_item: "0a".repeat(16),
        product: "Microsoft Visio".to_owned(),
        reason: "its user is asked".to_owned(),
        answer_by: Some(day),
    }];
    let installed = WaitingInstalled {
        awaiting_user: software.clone(),
        awaiting_approval: software.clone(),
        attention_required: software.clone(),
        awaiting_revocation: software,
        ready: 2,
        unlisted: 1,
    };
    let digest = |profiles, installed| Digest {
        group: "sam@example.com".to_owned(),
        profiles,
        installed,
    };
    let alert = |cleared_at| Alerted {
        subject: "held/zoom".to_owned(),
        message: "held".to_owned(),
        raised_at: at,
        cleared_at,
    };
    vec![
        Content::Question(Box::new(full)),
        Content::Question(Box::new(sparse)),
        Content::Digest(digest(
            vec![waiting(vec![seat], 2), waiting(Vec::new(), 0)],
            Some(installed),
        )),
        Content::Digest(digest(Vec::new(), None)),
        Content::Digest(digest(Vec::new(), Some(WaitingInstalled::default()))),
        Content::Alert(alert(None)),
        Content::Alert(alert(Some(at))),
        Content::Trial(Trial { asked_at: at }),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_built_in_texts_say_everything() {
        let (templates, wrong) = Templates::load(None);
        assert!(wrong.is_empty(), "{wrong:?}");
        let letters: Vec<Letter> = samples()
            .iter()
            .map(|sample| templates.write(sample).unwrap())
            .collect();
        let shown: Vec<String> = letters
            .iter()
            .map(|letter| format!("Subject: {}\n\n{}", letter.subject, letter.body))
            .collect();
        insta::assert_snapshot!(shown.join("\n-----\n"));
    }

    #[test]
    fn an_override_that_does_not_work_is_told_and_the_built_in_text_stays() {
        let folder = tempfile::tempdir().unwrap();
        let write =
            |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
        write(
            "question.txt",
            "Subject: {{ vendor }}?\nStill {{ idetifier }}?\n",
        );
        write("alert.txt", "No subject here\n");
        write("trial.txt", "Subject: Probe\nIt works.\n");
        write(
            "digest.txt",
            "Subject: x\n{% for a in range(100000) %}{% for b in range(100000) %}{% endfor %}{% endfor %}",
        );
        let (templates, wrong) = Templates::load(Some(folder.path()));
        let wrong: Vec<String> = wrong.iter().map(ToString::to_string).collect();
        assert_eq!(wrong.len(), 3, "{wrong:#?}");
        assert!(
            wrong[0].contains("`question.txt` does not work"),
            "{wrong:#?}"
        );
        assert!(
            wrong[0].contains("line 2") || wrong[0].contains("question.txt:2"),
            "{wrong:#?}"
        );
        assert!(wrong[2].contains("Subject: …"), "{wrong:#?}");
        let (built_in, _) = Templates::load(None);
        for sample in samples() {
            let letter = templates.write(&sample).unwrap();
            if matches!(sample, Content::Trial(_)) {
                assert_eq!(letter.body, "It works.\n");
            } else {
                assert_eq!(letter, built_in.write(&sample).unwrap());
            }
        }
    }

    #[test]
    fn a_name_cannot_add_a_line() {
        let (templates, _) = Templates::load(None);
        let mut samples = samples();
        let Content::Question(question) = &mut samples[0] else {
            panic!("the first sample is a question");
        };
        question.vendor = "Zoom\nBcc: all@example.com".to_owned();
        let letter = templates.write(&samples[0]).unwrap();
        assert_eq!(
            letter.subject,
            "Do you still need your Zoom Bcc: all@example.com seat?"
        );
    }
}
