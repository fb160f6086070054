//! Tells glibc's allocator to give memory back. Left to itself it takes the largest block that
//! was ever freed as a sign to keep all smaller ones: after a few large requests, memory that nobody
//! uses is more than what is in use. Small blocks it keeps for as long as one beside them is in use, and it keeps
//! them apart by thread.

/// Bytes from which a block has pages of its own, which go back to the system when it is freed.
#[cfg(target_env = "gnu")]
const OWN_PAGES: libc::c_int = 128 << 10;
/// Heaps that all threads share; the daemon works on two at a time.
#[cfg(target_env = "gnu")]
const HEAPS: libc::c_int = 2;

/// To be called once, before anything large is allocated.
#[cfg(target_env = "gnu")]
#[expect(
    unsafe_code,
    reason = "no crate wraps mallopt; it takes two numbers and may be called at any time"
)]
pub(super) fn give_large_blocks_back() {
    // SAFETY: no pointers are involved, and glibc serialises changes of its parameters.
    let accepted = unsafe {
        libc::mallopt(libc::M_MMAP_THRESHOLD, OWN_PAGES) & libc::mallopt(libc::M_ARENA_MAX, HEAPS)
    };
    if accepted == 0 {
        tracing::debug!("the allocator keeps its own ways");
    }
}

/// Gives whole pages that nobody uses back to the system: some milliseconds.
#[cfg(target_env = "gnu")]
#[expect(
    unsafe_code,
    reason = "no crate wraps malloc_trim; it takes a number and may be called at any time"
)]
pub(super) fn give_all_back() {
    // SAFETY: no pointers are involved, and glibc locks each of its heaps.
    unsafe { libc::malloc_trim(0) };
}

/// Other allocators decide for themselves.
#[cfg(not(target_env = "gnu"))]
pub(super) fn give_large_blocks_back() {}

/// Other allocators decide for themselves.
#[cfg(not(target_env = "gnu"))]
pub(super) fn give_all_back() {}
