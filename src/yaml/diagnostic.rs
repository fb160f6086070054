//! What is wrong in a file: where, how bad, what would be right. Made by every check, shown by
//! `status` and the log.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use serde::Serialize;

use super::excerpt;
use super::text::Text;

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// The document does not load; its last good version stays in force.
    Error,
    /// The document loads, and probably does not mean what its author thinks.
    Warning,
}

impl Severity {
    /// The word in every format.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
        }
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A stretch of a file. Lines and columns count from 1, columns in characters.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Region {
    /// The line it starts on.
    pub line: u32,
    /// The column it starts at.
    pub column: u32,
    /// The line it ends on.
    pub end_line: u32,
    /// The column after its last character.
    pub end_column: u32,
    /// The byte it starts at.
    #[serde(skip)]
    pub start: usize,
    /// The byte after its last one.
    #[serde(skip)]
    pub end: usize,
}

/// A second place that explains a finding, for instance where a name was first used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Related {
    /// The file as the user named it.
    pub file: Arc<Path>,
    /// Where in it.
    pub region: Region,
    /// What is there.
    pub message: String,
}

/// One finding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// How bad it is.
    pub severity: Severity,
    /// A stable code, for instance `profile::schedule`.
    pub code: &'static str,
    /// What is wrong, values in backticks.
    pub message: String,
    /// The file as the user named it.
    pub file: Arc<Path>,
    /// Where in it; `None` when the file as a whole is meant.
    pub region: Option<Region>,
    /// A few words to stand under the marked text.
    pub label: Option<String>,
    /// What would be right.
    pub help: Option<String>,
    /// Another place that explains it.
    pub related: Option<Related>,
    /// The lines of the file it marks, what may be a secret blotted out.
    pub excerpt: Option<String>,
    /// Its lines are not shown, whatever they hold.
    pub withheld: bool,
}

impl Diagnostic {
    /// An error in `file`.
    pub fn error(file: impl Into<Arc<Path>>, code: &'static str, message: String) -> Self {
        Self {
            severity: Severity::Error,
            code,
            message,
            file: file.into(),
            region: None,
            label: None,
            help: None,
            related: None,
            excerpt: None,
            withheld: false,
        }
    }

    /// Keeps the lines of its file from being shown.
    pub fn withhold(&mut self) -> &mut Self {
        self.excerpt = None;
        self.withheld = true;
        self
    }

    /// Keeps all that its file holds from being shown, what a message repeats of it too: where the mistake
    /// is stays, and its code.
    pub fn conceal(&mut self) {
        self.withhold();
        "there is a mistake, which is not shown, since a link leads to this file, hidden or out of the folder"
            .clone_into(&mut self.message);
        self.label = None;
        self.related = None;
        self.help("`seatsync check` the file where it lies: there it is shown");
    }

    /// Makes it a warning.
    pub fn warn(&mut self) -> &mut Self {
        self.severity = Severity::Warning;
        self
    }

    /// Says where in the file.
    pub fn at(&mut self, region: Region) -> &mut Self {
        self.region = Some(region);
        self
    }

    /// Puts a few words under the marked text.
    pub fn label(&mut self, label: impl Into<String>) -> &mut Self {
        self.label = Some(label.into());
        self
    }

    /// Says what would be right.
    pub fn help(&mut self, help: impl Into<String>) -> &mut Self {
        self.help = Some(help.into());
        self
    }

    /// Points at a second place.
    pub fn related(&mut self, related: Related) -> &mut Self {
        self.related = Some(related);
        self
    }

    /// Whether the document does not load because of it.
    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }

    /// What findings are listed by: file, place, code.
    pub fn order(&self) -> (&Path, Option<Region>, &'static str) {
        (&self.file, self.region, self.code)
    }
}

/// One line, for a log: `profiles.d/a.yaml:5:15: … (profile::schedule)`.
impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.file.display())?;
        if let Some(region) = self.region {
            write!(f, ":{}:{}", region.line, region.column)?;
        }
        write!(f, ": {} ({})", self.message, self.code)?;
        if let Some(help) = &self.help {
            write!(f, "; {help}")?;
        }
        match &self.related {
            Some(related) => write!(
                f,
                "; {}:{}:{}: {}",
                related.file.display(),
                related.region.line,
                related.region.column,
                related.message
            ),
            None => Ok(()),
        }
    }
}

/// The findings of one file, gathered while it is read.
#[derive(Debug)]
pub struct Findings {
    file: Arc<Path>,
    list: Vec<Diagnostic>,
    hidden: Vec<Region>,
}

impl Findings {
    /// None yet, in `file`.
    pub fn of(file: impl Into<Arc<Path>>) -> Self {
        Self {
            file: file.into(),
            list: Vec::new(),
            hidden: Vec::new(),
        }
    }

    /// Whose findings these are.
    pub fn file(&self) -> &Arc<Path> {
        &self.file
    }

    /// Adds an error at `region`, to be refined with [`Diagnostic::help`] and the like.
    pub fn error(
        &mut self,
        code: &'static str,
        region: Region,
        message: impl Into<String>,
    ) -> &mut Diagnostic {
        let mut found = Diagnostic::error(Arc::clone(&self.file), code, message.into());
        found.at(region);
        let last = self.list.len();
        self.list.push(found);
        &mut self.list[last]
    }

    /// Adds a warning at `region`.
    pub fn warning(
        &mut self,
        code: &'static str,
        region: Region,
        message: impl Into<String>,
    ) -> &mut Diagnostic {
        self.error(code, region, message).warn()
    }

    /// How many errors there are so far.
    pub fn errors(&self) -> usize {
        self.list.iter().filter(|found| found.is_error()).count()
    }

    /// Keeps what stands at `region` out of every excerpt: it may be a secret.
    pub fn hide(&mut self, region: Region) {
        self.hidden.push(region);
    }

    /// All of them, for a file whose text is not at hand.
    pub fn into_bare_list(self) -> Vec<Diagnostic> {
        self.list
    }

    /// All of them by place, each with the lines it marks.
    pub fn into_list(self, text: &Text) -> Vec<Diagnostic> {
        let mut list = self.list;
        for found in &mut list {
            found.excerpt = found
                .region
                .map(|region| excerpt::of(text.as_str(), region, &self.hidden));
        }
        list.sort_by(|one, other| one.order().cmp(&other.order()));
        list
    }
}
