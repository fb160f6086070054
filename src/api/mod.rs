//! The sockets: who is on the other end, the usage API for agents, the control API for the command
//! line, and where the settings give it an address, the page where users answer. Started by `daemon`;
//! everything here answers HTTP/1.1 over a unix socket, but for [`scrape`], which is TCP on loopback.
//!
//! [`listen`] gets a socket, [`serve`] accepts on it and keeps each peer within its limits,
//! [`peer`] says who connected and [`role`] what that one may do. What never becomes a request is
//! [`unserved`].

pub mod answers;
mod connection;
pub mod control;
mod framing;
mod head;
pub mod listen;
pub mod peer;
pub mod role;
pub mod scrape;
pub mod serve;
mod stream;
pub mod unserved;
pub mod usage;
