//! Who connected, as the kernel tells it. Taken once, at accept: a process that changes its
//! identity later, or hands its descriptor on, keeps the one that it connected with.

use std::io;
use std::os::fd::AsRawFd;

use tokio::net::UnixStream;

/// What a process without a mapping into our user namespace looks like
/// (`/proc/sys/kernel/overflowuid`): nobody we can know.
pub const OVERFLOW_UID: u32 = 65534;

/// A connected process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Peer {
    /// Its effective user.
    pub uid: u32,
    /// Its primary group.
    pub gid: u32,
    /// Its supplementary groups; the kernel leaves the primary one out.
    pub groups: Vec<u32>,
    /// Its process id, for the log only: by now it may be another process.
    pub pid: Option<i32>,
}

impl Peer {
    /// Asks the kernel who is on the other end of `stream`.
    pub fn of(stream: &UnixStream) -> io::Result<Self> {
        let credentials = stream.peer_cred()?;
        Ok(Self {
            uid: credentials.uid(),
            gid: credentials.gid(),
            groups: supplementary_groups(stream)?,
            pid: credentials.pid(),
        })
    }

    /// Whether `gid` is its primary group or one of its others.
    pub fn is_in_group(&self, gid: u32) -> bool {
        self.gid == gid || self.groups.contains(&gid)
    }

    /// Whether the kernel could tell who it is: a process of a foreign user namespace is nobody.
    pub fn is_known(&self) -> bool {
        self.uid != OVERFLOW_UID
    }
}

/// `SO_PEERGROUPS` (unix(7)), for which no safe wrapper exists.
fn supplementary_groups(stream: &UnixStream) -> io::Result<Vec<u32>> {
    let mut groups: Vec<libc::gid_t> = vec![0; 32];
    loop {
        let wanted = size_of::<libc::gid_t>() * groups.len();
        let mut length = libc::socklen_t::try_from(wanted).map_err(io::Error::other)?;
        #[expect(
            unsafe_code,
            reason = "SO_PEERGROUPS has no safe wrapper; the kernel writes at most `length` bytes into a buffer of that size"
        )]
        let status = unsafe {
            libc::getsockopt(
                stream.as_raw_fd(),
                libc::SOL_SOCKET,
                libc::SO_PEERGROUPS,
                groups.as_mut_ptr().cast(),
                &raw mut length,
            )
        };
        let count = usize::try_from(length).map_err(io::Error::other)? / size_of::<libc::gid_t>();
        if status == 0 {
            groups.truncate(count);
            return Ok(groups);
        }
        let error = io::Error::last_os_error();
        match error.raw_os_error() {
            // The kernel has put the length that it needs into `length`.
            Some(libc::ERANGE) if count > groups.len() => groups.resize(count, 0),
            // Without credentials at connect there are no groups either.
            Some(libc::ENODATA) => return Ok(Vec::new()),
            _ => return Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_connection_from_ourselves_has_our_ids() {
        let (here, _there) = UnixStream::pair().unwrap();
        let peer = Peer::of(&here).unwrap();
        assert_eq!(peer.uid, rustix::process::geteuid().as_raw());
        assert_eq!(peer.gid, rustix::process::getegid().as_raw());
        let mut groups: Vec<u32> = rustix::process::getgroups()
            .unwrap()
            .iter()
            .map(|gid| gid.as_raw())
            .collect();
        groups.sort_unstable();
        let mut told = peer.groups.clone();
        told.sort_unstable();
        assert_eq!(told, groups);
    }

    #[test]
    fn the_primary_group_counts_as_a_group() {
        let peer = Peer {
            uid: 1000,
            gid: 7,
            groups: vec![8, 9],
            pid: None,
        };
        assert!(peer.is_in_group(7) && peer.is_in_group(9));
        assert!(!peer.is_in_group(10));
    }
}
