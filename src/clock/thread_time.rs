//! How much a thread has worked, by the kernel's books: what tells a thread that is busy with one long
//! call from one that stands still.

use std::fs;
use std::path::{Path, PathBuf};

/// The processor time of one thread of this process.
#[derive(Debug, Clone)]
pub struct ThreadTime {
    stat: PathBuf,
}

/// What the kernel counts in, within a second, on every architecture (`USER_HZ`).
const TICKS_PER_TENTH: u64 = 10;

impl ThreadTime {
    /// That of the thread that asks.
    pub fn of_this_thread() -> Self {
        let thread = fs::read_link("/proc/thread-self").unwrap_or_default();
        Self {
            stat: Path::new("/proc").join(thread).join("stat"),
        }
    }

    /// Tenths of a second that the thread has used of a processor, of its own or in the kernel. What it
    /// waited for a disk or a lock is not among them. Zero where the kernel does not tell.
    pub fn tenths(&self) -> u64 {
        let stat = fs::read_to_string(&self.stat).unwrap_or_default();
        ticks(&stat).unwrap_or(0) / TICKS_PER_TENTH
    }
}

/// `utime` and `stime` of proc(5). The name before them may have spaces and brackets in it.
fn ticks(stat: &str) -> Option<u64> {
    let (_, fields) = stat.rsplit_once(')')?;
    let mut times = fields.split_ascii_whitespace().skip(11);
    let own: u64 = times.next()?.parse().ok()?;
    let kernel: u64 = times.next()?.parse().ok()?;
    Some(own + kernel)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_that_works_gets_older_and_one_that_waits_does_not() {
        let (tell, told) = std::sync::mpsc::channel();
        let (release, held) = std::sync::mpsc::channel::<()>();
        let waiting = std::thread::spawn(move || {
            tell.send(ThreadTime::of_this_thread()).unwrap();
            let _ = held.recv();
        });
        let other = told.recv().unwrap();
        let mine = ThreadTime::of_this_thread();
        let (before, others) = (mine.tenths(), other.tenths());
        while mine.tenths() < before + 2 {}
        assert_eq!(other.tenths(), others);
        drop(release);
        waiting.join().unwrap();
    }

    #[test]
    fn a_name_with_brackets_is_read_over() {
        let stat = "7 (a) b (c) S 1 7 7 0 -1 4194560 1 2 3 4 41 23 0 0 20 0 1 0 5";
        assert_eq!(ticks(stat), Some(64));
        assert_eq!(ticks("7 (a"), None);
    }
}
