//! Lets go of code that is not run. Start and jobs run code all over the program, and the kernel maps what lies beside it
//! too, in pieces of 64 KiB and more: some tens of MiB, of which a daemon that waits needs little. Pages that no
//! process maps stay in the page cache, from which they are mapped again at the next call without a read, until the
//! host needs the memory.

use std::fs;
use std::ops::Range;

/// Unmaps code of the program and its libraries, for the kernel to map again what is run.
pub(super) fn let_code_go() {
    let maps = match fs::read_to_string("/proc/self/maps") {
        Ok(maps) => maps,
        Err(error) => {
            tracing::debug!(%error, "the daemon keeps its code mapped");
            return;
        }
    };
    for range in maps.lines().filter_map(code) {
        unmap(&range);
    }
}

/// The addresses of a line of `proc_pid_maps(5)`, where it is code of a file. Such pages are as the file has them: what
/// the loader changes is mapped as data.
fn code(line: &str) -> Option<Range<usize>> {
    let mut fields = line.split_ascii_whitespace();
    let (from, to) = fields.next()?.split_once('-')?;
    let range = usize::from_str_radix(from, 16).ok()?..usize::from_str_radix(to, 16).ok()?;
    let kept_by_file =
        fields.next()? == "r-xp" && fields.nth(3).is_some_and(|path| path.starts_with('/'));
    (kept_by_file && !range.is_empty()).then_some(range)
}

#[expect(
    unsafe_code,
    reason = "no crate has a safe madvise for what is not a map of its own"
)]
fn unmap(code: &Range<usize>) {
    // SAFETY: nobody writes to these pages (`r-x`), so each has what the file has there, from which the kernel maps it
    // again wherever it is run or read (madvise(2)). A debugger alone, which does write, has to set its breakpoints again.
    let unmapped = unsafe {
        libc::madvise(
            std::ptr::with_exposed_provenance_mut(code.start),
            code.len(),
            libc::MADV_DONTNEED,
        )
    };
    if unmapped != 0 {
        let error = std::io::Error::last_os_error();
        tracing::debug!(%error, "a piece of code stays mapped");
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::FileExt as _;

    use super::*;

    #[test]
    fn only_code_of_files_is_let_go_of() {
        let of = |line| code(line).map(|range| (range.start, range.end));
        for (line, range) in [
            (
                "55fb0f817000-55fb10790000 r-xp 00411000 fe:00 9 /usr/bin/seatsync",
                Some((0x55fb_0f81_7000, 0x55fb_1079_0000)),
            ),
            (
                "7f75a1129000-7f75a127f000 r-xp 00026000 fe:00 7    /usr/lib/libc.so.6 (deleted)",
                Some((0x7f75_a112_9000, 0x7f75_a127_f000)),
            ),
            (
                "55fb10790000-55fb107e4000 r--p 00000000 fe:00 9 /usr/bin/seatsync",
                None,
            ),
            (
                "55fb10790000-55fb107e4000 rwxp 00000000 fe:00 9 /usr/bin/seatsync",
                None,
            ),
            (
                "7ffc05bb6000-7ffc05bb8000 r-xp 00000000 00:00 0 [vdso]",
                None,
            ),
            ("7f60a0000000-7f60a0001000 r-xp 00000000 00:00 0", None),
            ("55fb10790000-55fb10790000 r-xp 0 fe:00 9 /x", None),
            ("nonsense", None),
            ("", None),
        ] {
            assert_eq!(of(line), range, "{line}");
        }
    }

    #[test]
    fn code_that_is_let_go_of_is_resident_no_longer_and_runs_on() {
        // The kernel maps what is read here, as if it had been run.
        let memory = fs::File::open("/proc/self/mem").unwrap();
        let maps = fs::read_to_string("/proc/self/maps").unwrap();
        for range in maps.lines().filter_map(code) {
            let mut bytes = vec![0; range.len()];
            memory
                .read_exact_at(&mut bytes, range.start as u64)
                .unwrap();
        }
        let before = resident_of_files();
        let_code_go();
        let after = resident_of_files();
        assert!(after < before / 2, "{before} KiB before, {after} KiB after");
    }

    /// In KiB.
    fn resident_of_files() -> u64 {
        let status = fs::read_to_string("/proc/self/status").unwrap();
        let line = status
            .lines()
            .find_map(|line| line.strip_prefix("RssFile:"))
            .unwrap();
        let kib = line.trim().strip_suffix(" kB").unwrap();
        kib.parse().unwrap()
    }
}
