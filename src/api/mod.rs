//! The two sockets: who is on the other end, the usage API for agents, the control API for the command line.

pub mod control;
