//! The declarations that [`super::read`] and the JSON Schema both come from.

/// Declares a mapping's shape: its fields are [`Option`](crate::yaml::read::Field) or
/// [`Need`](crate::yaml::read::Need) of something readable. A key that is not declared is an error.
/// Of the fields in `one_of` exactly one must be there.
macro_rules! record {
    (
        $(#[$meta:meta])*
        $vis:vis struct $name:ident $(one_of($($choice:ident),+))? {
            $( $(#[$field_meta:meta])* $field:ident: $type:ty, )*
        }
    ) => {
        #[derive(Debug, Clone, schemars::JsonSchema)]
        #[schemars(deny_unknown_fields)]
        $( #[schemars(extend("oneOf" = [ $( {"required": [stringify!($choice)]} ),+ ]))] )?
        $(#[$meta])*
        $vis struct $name {
            $( $(#[$field_meta])* pub $field: $type, )*
        }

        impl $name {
            /// The keys it knows.
            const KEYS: &'static [&'static str] = &[
                $( $crate::yaml::macros::key(stringify!($field)), )*
            ];
        }

        impl $crate::yaml::read::Read for $name {
            fn read(
                node: &$crate::yaml::tree::Node,
                to: &mut $crate::yaml::diagnostic::Findings,
            ) -> Option<Self> {
                let entries = $crate::yaml::read::entries(node, Self::KEYS, to)?;
                $( $crate::yaml::read::one_of(node, &[ $( stringify!($choice) ),+ ], &entries, to); )?
                Some(Self {
                    $( $field: {
                        let key = $crate::yaml::macros::key(stringify!($field));
                        let entry = entries.iter().find(|(name, _)| *name == key);
                        let value = entry.map(|(_, value)| *value);
                        $crate::yaml::read::Field::take(key, value, node.region, to)
                    }, )*
                })
            }
        }
    };
}

/// Lets a type that parses from text stand in a record; `pattern` is for the JSON Schema, `help` for
/// whoever wrote something else.
macro_rules! readable_text {
    ($type:ty, $name:literal, $code:literal, $pattern:literal) => {
        $crate::yaml::macros::readable_text!(@ $type, $name, $code, $pattern, None);
    };
    ($type:ty, $name:literal, $code:literal, $pattern:literal, $help:literal) => {
        $crate::yaml::macros::readable_text!(@ $type, $name, $code, $pattern, Some($help));
    };
    (@ $type:ty, $name:literal, $code:literal, $pattern:literal, $help:expr) => {
        impl $crate::yaml::read::Read for $type {
            fn read(
                node: &$crate::yaml::tree::Node,
                to: &mut $crate::yaml::diagnostic::Findings,
            ) -> Option<Self> {
                $crate::yaml::read::parsed_or(node, $code, $help, to)
            }
        }

        impl schemars::JsonSchema for $type {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                $name.into()
            }

            fn inline_schema() -> bool {
                true
            }

            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                schemars::json_schema!({"type": "string", "pattern": $pattern})
            }
        }
    };
}

/// Declares a text of our own with its rule. With `unrepeated`, a text that breaks it is kept out of
/// the finding: somebody may have written the secret where its name belongs.
macro_rules! readable_rule {
    ($(#[$meta:meta])* $name:ident, $title:literal, $code:literal, $pattern:literal, $what:literal, $valid:expr) => {
        $crate::yaml::macros::readable_rule!(
            @ |text: &str| Some(text.to_owned()),
            $(#[$meta])* $name, $title, $code, $pattern, $what, $valid
        );
    };
    (unrepeated $(#[$meta:meta])* $name:ident, $title:literal, $code:literal, $pattern:literal, $what:literal, $valid:expr) => {
        $crate::yaml::macros::readable_rule!(
            @ |text: &str| text.trim().is_empty().then(String::new),
            $(#[$meta])* $name, $title, $code, $pattern, $what, $valid
        );
    };
    (@ $repeated:expr, $(#[$meta:meta])* $name:ident, $title:literal, $code:literal, $pattern:literal, $what:literal, $valid:expr) => {
        $(#[$meta])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
        pub struct $name(pub String);

        impl std::str::FromStr for $name {
            type Err = $crate::yaml::read::Wrong;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                let valid: fn(&str) -> bool = $valid;
                if valid(text) {
                    Ok(Self(text.to_owned()))
                } else {
                    let repeated: fn(&str) -> Option<String> = $repeated;
                    Err($crate::yaml::read::Wrong { text: repeated(text), what: $what })
                }
            }
        }

        $crate::yaml::macros::readable_text!($name, $title, $code, $pattern);
    };
}

/// Lets a closed set of words stand in a record.
macro_rules! readable_words {
    ($type:ty, $name:literal, { $( $word:literal => $value:expr, )* }) => {
        impl $crate::yaml::read::Read for $type {
            fn read(
                node: &$crate::yaml::tree::Node,
                to: &mut $crate::yaml::diagnostic::Findings,
            ) -> Option<Self> {
                $crate::yaml::read::chosen(node, &[ $( ($word, $value), )* ], to)
            }
        }

        impl schemars::JsonSchema for $type {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                $name.into()
            }

            fn inline_schema() -> bool {
                true
            }

            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                schemars::json_schema!({"type": "string", "enum": [ $( $word, )* ]})
            }
        }
    };
}

pub(crate) use {readable_rule, readable_text, readable_words, record};

/// A field's key: Rust writes `r#type` for what files call `type`.
pub(crate) const fn key(field: &'static str) -> &'static str {
    match field.as_bytes() {
        [b'r', b'#', ..] => field.split_at(2).1,
        _ => field,
    }
}
