//! Counts distinct ids of a walk, to compare with the vendor's own total.
//!
//! Each id is kept as a 64-bit hash: among a million ids two collide once in 37 million walks, and
//! then a whole walk counts as short, which is the safe side. Beyond [`IN_MEMORY`] ids the hashes
//! go to an unnamed file, so that memory stays the same however many users an account has; counting
//! then reads the file once per slice of the hash range.

use std::fs::File;
use std::hash::{BuildHasher, RandomState};
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::PathBuf;

use rustix::fs::{Mode, OFlags};

/// Hashes held in memory: one MiB of them.
const IN_MEMORY: usize = 128 * 1024;

/// Bytes of a hash in the file.
const WIDTH: usize = size_of::<u64>();

/// Hashes read from the file at once.
const CHUNK: usize = 8 * 1024;

/// A set that only tells how large it is.
#[derive(Debug)]
pub(crate) struct Distinct {
    hasher: RandomState,
    held: Vec<u64>,
    in_memory: usize,
    spilled: Spilled,
}

#[derive(Debug)]
enum Spilled {
    /// Nothing yet; this is where to.
    Nothing(Option<PathBuf>),
    /// So many hashes.
    File { file: File, hashes: u64 },
    /// The folder takes none: they stay in memory.
    Impossible,
}

impl Distinct {
    /// An empty set that may put a file into `scratch`.
    pub(crate) fn new(scratch: Option<PathBuf>) -> Self {
        Self::holding(IN_MEMORY, scratch)
    }

    fn holding(in_memory: usize, scratch: Option<PathBuf>) -> Self {
        Self {
            hasher: RandomState::new(),
            held: Vec::new(),
            in_memory,
            spilled: Spilled::Nothing(scratch),
        }
    }

    /// Adds `id`.
    pub(crate) fn add(&mut self, id: &str) {
        if self.held.len() >= self.in_memory {
            self.make_room();
        }
        self.held.push(self.hasher.hash_one(id));
    }

    /// How many different ids were added.
    pub(crate) fn count(&mut self) -> io::Result<u64> {
        self.held.sort_unstable();
        self.held.dedup();
        let Spilled::File { file, hashes } = &self.spilled else {
            return Ok(self.held.len() as u64);
        };
        let all = *hashes + self.held.len() as u64;
        let slices = all.div_ceil(self.in_memory as u64).next_power_of_two();
        let mut distinct = 0;
        for slice in 0..slices {
            let within = |hash: &u64| *hash & (slices - 1) == slice;
            let mut found: Vec<u64> = self.held.iter().copied().filter(within).collect();
            read_all(file, *hashes, |hash| {
                if within(&hash) {
                    found.push(hash);
                }
            })?;
            found.sort_unstable();
            found.dedup();
            distinct += found.len() as u64;
        }
        Ok(distinct)
    }

    fn make_room(&mut self) {
        self.held.sort_unstable();
        self.held.dedup();
        if self.held.len() < self.in_memory / 2 {
            return;
        }
        if let Spilled::Nothing(scratch) = &self.spilled {
            self.spilled = match scratch.as_deref().map(unnamed_file) {
                Some(Ok(file)) => Spilled::File { file, hashes: 0 },
                Some(Err(error)) => {
                    tracing::debug!(%error, ?scratch, "hashes of users stay in memory");
                    Spilled::Impossible
                }
                None => Spilled::Impossible,
            };
        }
        let Spilled::File { file, hashes } = &mut self.spilled else {
            return;
        };
        let bytes: Vec<u8> = self
            .held
            .iter()
            .flat_map(|hash| hash.to_ne_bytes())
            .collect();
        match file.write_all_at(&bytes, *hashes * WIDTH as u64) {
            Ok(()) => {
                *hashes += self.held.len() as u64;
                self.held.clear();
            }
            Err(error) => tracing::debug!(%error, "hashes of users stay in memory"),
        }
    }
}

fn unnamed_file(folder: &std::path::Path) -> io::Result<File> {
    let flags = OFlags::TMPFILE | OFlags::RDWR | OFlags::CLOEXEC;
    let file = rustix::fs::open(folder, flags, Mode::RUSR | Mode::WUSR)?;
    Ok(File::from(file))
}

fn read_all(file: &File, hashes: u64, mut each: impl FnMut(u64)) -> io::Result<()> {
    let mut chunk = vec![0; CHUNK * WIDTH];
    let end = hashes * WIDTH as u64;
    let mut at = 0;
    while at < end {
        let length = usize::try_from(end - at).map_or(chunk.len(), |left| left.min(chunk.len()));
        let part = &mut chunk[..length];
        file.read_exact_at(part, at)?;
        for bytes in part.as_chunks::<WIDTH>().0 {
            each(u64::from_ne_bytes(*bytes));
        }
        at += length as u64;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_folder_that_takes_no_file_keeps_the_count_right() {
        let mut set = Distinct::holding(8, Some(PathBuf::from("/nowhere/at/all")));
        for id in 0..1_000 {
            set.add(&(id % 600).to_string());
        }
        assert_eq!(set.count().unwrap(), 600);
    }

    #[test]
    fn memory_is_bounded_with_a_file() {
        let folder = tempfile::tempdir().unwrap();
        let mut set = Distinct::holding(1_024, Some(folder.path().to_owned()));
        for id in 0..50_000 {
            set.add(&id.to_string());
            assert!(set.held.capacity() <= 1_024);
        }
        assert_eq!(set.count().unwrap(), 50_000);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn it_counts_as_a_set_does(
            ids in proptest::collection::vec(0u32..500, 0..2_000),
            in_memory in 2usize..64,
            counted_between in any::<bool>(),
        ) {
            let folder = tempfile::tempdir().unwrap();
            let mut set = Distinct::holding(in_memory, Some(folder.path().to_owned()));
            let mut model = BTreeSet::new();
            for (at, id) in ids.iter().enumerate() {
                set.add(&id.to_string());
                model.insert(*id);
                if counted_between && at % 97 == 0 {
                    prop_assert_eq!(set.count().unwrap(), model.len() as u64);
                }
            }
            prop_assert_eq!(set.count().unwrap(), model.len() as u64);
        }
    }
}
