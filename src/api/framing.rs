//! Where one request ends and the next begins, told from the bytes as they come. hyper is handed a
//! head only when it is complete and accepted, and never a byte of the next one before its own.
//! Used by [`super::stream`].

use super::head::{Framing, HeadEnd, MAX_BYTES, judge};
use super::unserved::Unserved;

/// The longest line that tells a chunk's size: nobody uses the extensions it may have.
const MAX_CHUNK_LINE: usize = 256;

/// Follows one connection's bytes.
#[derive(Debug, Default)]
pub(super) struct Framer {
    stage: Stage,
}

#[derive(Debug, PartialEq, Eq)]
enum Stage {
    Head(HeadEnd),
    /// So many bytes of a body are to come.
    Body(u64),
    ChunkSize,
    /// So many bytes of a chunk and its line's end are to come.
    Chunk(u64),
    /// So many bytes of trailers have been.
    Trailers(usize),
    /// Nothing that follows means anything.
    Lost(Verdict),
}

impl Default for Stage {
    fn default() -> Self {
        Self::Head(HeadEnd::default())
    }
}

/// What may happen with the bytes that are held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// So many of them may go on.
    Pass(usize),
    /// It takes more of them to tell.
    More,
    /// They are no request.
    Refuse(Unserved),
    /// They are a body whose chunks make no sense.
    Broken,
}

impl Framer {
    /// Judges `held`, which begins where the last verdict ended.
    pub(super) fn judge(&mut self, held: &[u8]) -> Verdict {
        let (verdict, stage) = match &mut self.stage {
            Stage::Head(end) => match end.find(held) {
                Ok(None) => return Verdict::More,
                Ok(Some(length)) => match judge(&held[..length]) {
                    Ok(framing) => (Verdict::Pass(length), Stage::behind(framing)),
                    Err(fault) => lost(Verdict::Refuse(fault)),
                },
                Err(fault) => lost(Verdict::Refuse(fault)),
            },
            Stage::Body(left) => {
                let passed = part_of(held, *left);
                (Verdict::Pass(passed), Stage::body(*left - passed as u64))
            }
            Stage::ChunkSize => match line(held, MAX_CHUNK_LINE).map(|line| line.map(chunk_size)) {
                Ok(None) => return Verdict::More,
                Ok(Some(Some((length, 0)))) => (Verdict::Pass(length), Stage::Trailers(0)),
                // The line's end behind the chunk is hyper's to check.
                Ok(Some(Some((length, size)))) => (Verdict::Pass(length), Stage::Chunk(size + 2)),
                Ok(Some(None)) | Err(()) => lost(Verdict::Broken),
            },
            Stage::Chunk(left) => {
                let passed = part_of(held, *left);
                let stage = match *left - passed as u64 {
                    0 => Stage::ChunkSize,
                    left => Stage::Chunk(left),
                };
                (Verdict::Pass(passed), stage)
            }
            Stage::Trailers(before) => match line(held, MAX_BYTES - *before) {
                Ok(None) => return Verdict::More,
                Ok(Some([])) => (Verdict::Pass(2), Stage::default()),
                Ok(Some(trailer)) => {
                    let length = trailer.len() + 2;
                    (Verdict::Pass(length), Stage::Trailers(*before + length))
                }
                Err(()) => lost(Verdict::Broken),
            },
            Stage::Lost(verdict) => return *verdict,
        };
        self.stage = stage;
        match verdict {
            Verdict::Pass(0) => Verdict::More,
            verdict => verdict,
        }
    }

    /// How many bytes may go on unseen.
    pub(super) fn unjudged(&self) -> Option<u64> {
        match self.stage {
            Stage::Body(left) => Some(left),
            _ => None,
        }
    }

    /// So many of them did.
    pub(super) fn passed(&mut self, count: u64) {
        if let Stage::Body(left) = self.stage {
            self.stage = Stage::body(left.saturating_sub(count));
        }
    }

    /// Whether `held` is the beginning of a head.
    pub(super) fn is_in_head(&self, held: &[u8]) -> bool {
        matches!(&self.stage, Stage::Head(end) if end.has_begun(held))
    }
}

impl Stage {
    fn behind(framing: Framing) -> Self {
        match framing {
            Framing::Length(length) => Self::body(length),
            Framing::Chunked => Self::ChunkSize,
        }
    }

    fn body(left: u64) -> Self {
        if left == 0 {
            Self::default()
        } else {
            Self::Body(left)
        }
    }
}

fn lost(verdict: Verdict) -> (Verdict, Stage) {
    (verdict, Stage::Lost(verdict))
}

fn part_of(held: &[u8], left: u64) -> usize {
    usize::try_from(left).map_or(held.len(), |left| left.min(held.len()))
}

/// The first line of `held` without its end, once it is complete. An error where it does not end
/// with CR LF, or not within `limit`.
fn line(held: &[u8], limit: usize) -> Result<Option<&[u8]>, ()> {
    let Some(end) = held.iter().take(limit).position(|byte| *byte == b'\n') else {
        return if held.len() >= limit {
            Err(())
        } else {
            Ok(None)
        };
    };
    let line = held[..end].strip_suffix(b"\r").ok_or(())?;
    if line.contains(&b'\r') {
        return Err(());
    }
    Ok(Some(line))
}

/// The length of a chunk's line with its end, and the size that it tells.
fn chunk_size(line: &[u8]) -> Option<(usize, u64)> {
    let digits = line.split(|byte| *byte == b';').next().unwrap_or_default();
    let digits = std::str::from_utf8(digits).ok()?;
    if digits.is_empty() || digits.len() > 15 || !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
        return None;
    }
    let size = u64::from_str_radix(digits, 16).ok()?;
    Some((line.len() + 2, size))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const HEAD: &str = "POST / HTTP/1.1\r\nHost: h\r\n";

    /// What passes of `bytes` when they come in pieces, each as one text, and how it ends.
    fn follow(bytes: &[u8], pieces: &[usize]) -> (Vec<u8>, Verdict) {
        let mut framer = Framer::default();
        let (mut held, mut passed) = (Vec::new(), Vec::new());
        let mut rest = bytes;
        let mut pieces = pieces.iter().cycle();
        loop {
            match framer.judge(&held) {
                Verdict::Pass(count) => passed.extend(held.drain(..count)),
                Verdict::More if rest.is_empty() => return (passed, Verdict::More),
                Verdict::More => {
                    let piece = pieces.next().map_or(1, |piece| 1.max(*piece));
                    let (come, left) = rest.split_at(piece.min(rest.len()));
                    held.extend_from_slice(come);
                    rest = left;
                }
                end => return (passed, end),
            }
        }
    }

    #[test]
    fn each_request_is_followed_to_its_end() {
        let requests = format!(
            "{HEAD}Content-Length: 3\r\n\r\nabc{HEAD}\r\n\r\n{HEAD}Transfer-Encoding: chunked\r\n\r\n\
             1;a=b\r\nx\r\n0a\r\n0123456789\r\n0\r\nTrailer: t\r\n\r\n{HEAD}\r\n"
        );
        let (passed, end) = follow(requests.as_bytes(), &[requests.len()]);
        assert_eq!(String::from_utf8(passed).unwrap(), requests);
        assert_eq!(end, Verdict::More);
    }

    #[test]
    fn a_second_head_is_judged_and_nothing_of_it_passes() {
        let first = format!("{HEAD}Content-Length: 3\r\n\r\nabc");
        let second = format!("{HEAD}Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\nabc");
        let (passed, end) = follow(format!("{first}{second}").as_bytes(), &[7]);
        assert_eq!(String::from_utf8(passed).unwrap(), first);
        assert!(matches!(end, Verdict::Refuse(Unserved::Malformed(_))));
    }

    #[test]
    fn chunks_that_make_no_sense_are_broken() {
        for chunks in [
            "zz\r\n",
            "\r\n",
            "-1\r\n",
            "0x1\r\n",
            "1 \r\nx\r\n",
            "1\nx\n",
            "1\r2\r\n",
            "ffffffffffffffff\r\n",
            "1\r\nx\r\n0\r\nTrailer: t\n\n",
            &"1".repeat(MAX_CHUNK_LINE),
            &format!("0\r\n{}", "a: b\r\n".repeat(MAX_BYTES / 6 + 1)),
        ] {
            let request = format!("{HEAD}Transfer-Encoding: chunked\r\n\r\n{chunks}");
            let (_, end) = follow(request.as_bytes(), &[request.len()]);
            assert_eq!(end, Verdict::Broken, "{chunks:?}");
        }
    }

    proptest! {
        #[test]
        fn how_bytes_come_in_pieces_makes_no_difference(
            bytes in r"(POST / HTTP/1\.1\r\nHost: h\r\n(Content-Length: [0-9]\r\n|Transfer-Encoding: chunked\r\n)?\r\n([0-4](;x)?\r\n[a-d]{1,4}\r\n){0,3}(0\r\n\r\n)?){1,3}",
            pieces in proptest::collection::vec(1_usize..40, 1..8),
        ) {
            let whole = follow(bytes.as_bytes(), &[bytes.len()]);
            prop_assert_eq!(follow(bytes.as_bytes(), &pieces), whole);
        }
    }
}
