//! Start order, reload and shutdown: the only room that knows every other.
