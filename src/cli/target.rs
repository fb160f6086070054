//! Where a file that a command writes goes: it comes to be when it is whole, mode 0600.

use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use tempfile::NamedTempFile;

use super::exit::Failure;

/// A file in the making.
pub(super) struct FileTarget {
    made: NamedTempFile,
    file: PathBuf,
}

impl FileTarget {
    /// Begins `file`, in the folder where it is to be.
    pub(super) fn begin(file: &Path) -> Result<Self, Failure> {
        let cannot = || format!("`{}` cannot be written", file.display());
        let file = match std::fs::metadata(file) {
            // Behind a link is the file that is meant.
            Ok(there) if there.is_file() => file.canonicalize().with_context(cannot)?,
            Ok(_) => {
                let message = format!(
                    "`{}` is no file: leave out `--out`, and send the output there",
                    file.display()
                );
                return Err(Failure::Usage(message));
            }
            Err(_) => file.to_owned(),
        };
        let folder = file.parent().filter(|folder| *folder != Path::new(""));
        let made = NamedTempFile::new_in(folder.unwrap_or(Path::new("."))).with_context(cannot)?;
        Ok(Self { made, file })
    }

    /// What its bytes are written to.
    pub(super) fn stream(&mut self) -> &mut (dyn Write + Send) {
        &mut self.made
    }

    /// Puts it in place. What was there before stays until then.
    pub(super) fn finish(self) -> Result<(), Failure> {
        let Self { made, file } = self;
        let cannot = || format!("`{}` cannot be written", file.display());
        made.as_file().sync_all().with_context(cannot)?;
        made.persist(&file)
            .map_err(|error| error.error)
            .with_context(cannot)?;
        Ok(())
    }
}
