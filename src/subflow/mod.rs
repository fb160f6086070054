//! One file per subflow, vendor-neutral.
