//! Something changed under the profiles folder: look again. Events are hints, never facts.
