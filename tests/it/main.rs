//! Everything that drives the real thing: the binary, its sockets and files, and the vendor
//! simulators over HTTP. One binary, so that it links once.
mod house;
