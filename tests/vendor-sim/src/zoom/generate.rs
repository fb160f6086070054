//! From a row's number to the whole user and back: ids and addresses are reversible, so that no
//! table of a million users is kept.

use std::borrow::Cow;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::people::{CITIES, DEPARTMENTS, JOB_TITLES, NamePair, PAIRS, ROOMS, TIME_ZONES};
use crate::random::{below, draw, mix, pick, unmix};
use crate::zoom::cast::Cast;
use crate::zoom::layout::Layout;
use crate::zoom::options::Population;
use crate::zoom::products::{Product, Products};
use crate::zoom::traits::{BundleKind, Drawer, For, Role, SignIn, Traits};
use crate::zoom::user::{Bundle, Features, Status, User};

/// Seconds of a day.
pub(crate) const DAY: i64 = 86_400;

const DOMAINS: [&str; 3] = ["example.com", "corp.example.com", "contractor.example.com"];
const ROOM_DOMAIN: &str = "rooms.example.com";
const CLIENTS: [&str; 5] = [
    "6.2.5.48876(mac)",
    "6.1.11.44795(win)",
    "5.17.11.3835(win)",
    "6.2.0.20111(iphone)",
    "6.0.2.4680(linux)",
];
/// How many groups an account has.
pub(crate) const GROUPS: u32 = 8;

/// The account as it was generated.
#[derive(Debug, Clone)]
pub(crate) struct Generator {
    pub(crate) drawer: Drawer,
    pub(crate) layout: Layout,
}

impl Generator {
    pub(crate) fn new(seed: u64, users: u32, population: &Population, start: i64) -> Self {
        let layout = Layout::new(users, population);
        Self {
            drawer: Drawer {
                seed,
                anchor_day: start.div_euclid(DAY),
                people: layout.people.end,
                shares: population.into(),
            },
            layout,
        }
    }

    /// The traits of a generated row.
    pub(crate) fn traits(&self, index: u32) -> Option<Traits> {
        let kin = self.layout.kin(index)?;
        Some(self.drawer.traits(index, kin))
    }

    /// A generated row.
    pub(crate) fn user(&self, index: u32) -> Option<User> {
        let traits = self.traits(index)?;
        Some(if traits.room {
            self.room(&traits)
        } else {
            self.person(&traits)
        })
    }

    fn person(&self, traits: &Traits) -> User {
        let index = traits.index;
        let draw = |purpose| self.drawer.draw(index, purpose);
        let name = NamePair::nth(self.pair_of(index));
        let place = usize::try_from(below(draw(For::Place), TIME_ZONES.len() as u64)).unwrap_or(0);
        let pending = traits.status == Status::Pending;
        let attributed = !draw(For::Attribute).is_multiple_of(4);
        User {
            index,
            id: self.id(index),
            email: self.email(index),
            first_name: if pending {
                Cow::Borrowed("")
            } else {
                name.first.into()
            },
            last_name: if pending {
                Cow::Borrowed("")
            } else {
                name.last.into()
            },
            dept: pick(draw(For::Department), &DEPARTMENTS).map(Cow::Borrowed),
            job_title: pick(draw(For::Job), &JOB_TITLES)
                .filter(|_| attributed)
                .map(Cow::Borrowed),
            location: Some(CITIES[place].into()),
            timezone: (!pending).then(|| TIME_ZONES[place].into()),
            status: traits.status,
            kind: traits.kind,
            role_id: self.role_id(traits.role),
            group_ids: self.groups(index),
            created: self.created(traits),
            last_login: None,
            client_version: match traits.sign_in {
                SignIn::Never => None,
                SignIn::Every { .. } => pick(draw(For::Client), &CLIENTS).map(Cow::Borrowed),
            },
            employee_id: attributed.then(|| format!("E{:06}", 100_000 + u64::from(index) * 7)),
            pmi: 1_000_000_000 + below(draw(For::Number), 8_999_999_999),
            sso: draw(For::Attribute) % 3 != 0,
            room: false,
            queue_manager: traits.queue_manager,
            cost_center: attributed
                .then(|| format!("CC-{}", 4000 + below(draw(For::Attribute), 60)).into()),
            features: self.features(traits),
            bundle: bundle_of(traits),
            preferences: None,
        }
    }

    fn room(&self, traits: &Traits) -> User {
        let ordinal = traits.index - self.layout.rooms.start;
        let name = ROOMS[usize::try_from(ordinal).unwrap_or(0) % ROOMS.len()];
        User {
            email: format!("{}-{ordinal}@{ROOM_DOMAIN}", name.to_ascii_lowercase()),
            first_name: format!("{name} {ordinal}").into(),
            last_name: Cow::Borrowed(""),
            dept: None,
            job_title: None,
            group_ids: Vec::new(),
            employee_id: None,
            sso: false,
            room: true,
            cost_center: None,
            features: Features::default(),
            bundle: None,
            ..self.person(traits)
        }
    }

    /// A Basic member of no description, for a row added later.
    pub(crate) fn blank(&self, index: u32, now: i64) -> User {
        User {
            index,
            id: self.id(index),
            email: self.plain_email(index),
            first_name: Cow::Borrowed("New"),
            last_name: Cow::Borrowed("User"),
            dept: None,
            job_title: None,
            location: None,
            timezone: None,
            status: Status::Active,
            kind: User::BASIC,
            role_id: self.role_id(Role::Member),
            group_ids: Vec::new(),
            created: now,
            last_login: None,
            client_version: None,
            employee_id: None,
            pmi: 1_000_000_000 + below(self.drawer.draw(index, For::Number), 8_999_999_999),
            sso: true,
            room: false,
            queue_manager: false,
            cost_center: None,
            features: Features::default(),
            bundle: None,
            preferences: None,
        }
    }

    pub(crate) fn features(&self, traits: &Traits) -> Features {
        let extras = self.drawer.draw(traits.index, For::Extras);
        let licensed = traits.kind == User::LICENSED && traits.status == Status::Active;
        let mut products: Products = [
            (Product::Phone, traits.phone),
            (Product::Whiteboard, licensed && extras.is_multiple_of(3)),
            (Product::Scheduler, licensed && extras.is_multiple_of(5)),
            (
                Product::TranslatedCaptions,
                licensed && extras.is_multiple_of(7),
            ),
            (Product::ClipsPlus, licensed && extras.is_multiple_of(11)),
        ]
        .into_iter()
        .filter_map(|(product, held)| held.then_some(product))
        .collect();
        if traits.workplace {
            products = Products::drawn(self.drawer.draw(traits.index, For::Products));
        }
        if let Some(bundle) = &bundle_of(traits) {
            products = products.without(Products::of(bundle));
        }
        Features {
            webinar: traits.webinar,
            large_meeting: traits.large_meeting,
            events: traits.events,
            upcoming_event: traits.upcoming_event,
            webinars_plus: (traits.workplace && licensed && extras.is_multiple_of(2))
                .then_some(500),
            products,
            other: Vec::new(),
        }
    }

    fn created(&self, traits: &Traits) -> i64 {
        let of_day = below(self.drawer.draw(traits.index, For::Age), 36_000);
        traits.created_day * DAY + 25_200 + i64::try_from(of_day).unwrap_or_default()
    }

    pub(crate) fn role_id(&self, role: Role) -> Cow<'static, str> {
        match role {
            Role::Owner => "0".into(),
            Role::Admin => "1".into(),
            Role::Member => "2".into(),
            Role::Custom(number) => self.opaque(u64::from(number), 0x0520_1e00).into(),
        }
    }

    fn groups(&self, index: u32) -> Vec<String> {
        self.group_of(index)
            .map(|group| self.group_id(group))
            .into_iter()
            .collect()
    }

    /// The group a generated person is in.
    pub(crate) fn group_of(&self, index: u32) -> Option<u32> {
        let chosen = below(
            self.drawer.draw(index, For::Group),
            u64::from(GROUPS) * 5 / 2,
        );
        u32::try_from(chosen).ok().filter(|group| *group < GROUPS)
    }

    pub(crate) fn group_id(&self, group: u32) -> String {
        self.opaque(u64::from(group), 0x0067_120b)
    }

    /// A user's id: 22 characters of base64url, which may hold `-` and `_`.
    pub(crate) fn id(&self, index: u32) -> String {
        self.opaque(u64::from(index), 0)
    }

    fn opaque(&self, number: u64, purpose: u64) -> String {
        let key = draw(self.drawer.seed, purpose, For::Id as u64);
        let front = mix(number ^ key);
        let mut bytes = [0; 16];
        bytes[..8].copy_from_slice(&front.to_be_bytes());
        bytes[8..].copy_from_slice(&mix(front ^ key.rotate_left(17)).to_be_bytes());
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// The row of an id this account gave out.
    pub(crate) fn index_of_id(&self, id: &str) -> Option<u32> {
        let bytes: [u8; 16] = URL_SAFE_NO_PAD.decode(id).ok()?.try_into().ok()?;
        let front = u64::from_be_bytes(bytes[..8].try_into().ok()?);
        let key = draw(self.drawer.seed, 0, For::Id as u64);
        let index = u32::try_from(unmix(front) ^ key).ok()?;
        (self.id(index) == id).then_some(index)
    }

    fn pair_of(&self, index: u32) -> u64 {
        let (factor, offset) = self.permutation();
        (u64::from(index).wrapping_mul(factor).wrapping_add(offset)) % PAIRS
    }

    /// An odd factor permutes the pairs, whose number is a power of two.
    fn permutation(&self) -> (u64, u64) {
        let seed = self.drawer.seed;
        (mix(seed ^ 0xfac7) | 1, mix(seed ^ 0x0ff5) % PAIRS)
    }

    /// A user's address. The first deactivated users repeat the address of an active one, in
    /// capitals; a few others are written with capitals.
    pub(crate) fn email(&self, index: u32) -> String {
        if let Some(twin) = self.twin(index) {
            return self.plain_email(twin).to_uppercase();
        }
        let plain = self.plain_email(index);
        if self.drawer.draw(index, For::Letters).is_multiple_of(64) {
            return capitals(&plain);
        }
        plain
    }

    /// The active user whose address this deactivated row repeats.
    pub(crate) fn twin(&self, index: u32) -> Option<u32> {
        let inactive = &self.layout.inactive;
        let twins = (inactive.len() / 100).max(1);
        let ordinal = index.checked_sub(inactive.start)?;
        let twin = u32::try_from(Cast::ALL.len()).ok()? + ordinal;
        (inactive.contains(&index)
            && usize::try_from(ordinal).ok()? < twins
            && self.layout.people.contains(&twin))
        .then_some(twin)
    }

    fn plain_email(&self, index: u32) -> String {
        let mailbox = NamePair::nth(self.pair_of(index)).mailbox();
        let domain = self.domain(index);
        match u64::from(index) / PAIRS {
            0 => format!("{mailbox}@{domain}"),
            again => format!("{mailbox}{}@{domain}", again + 1),
        }
    }

    fn domain(&self, index: u32) -> &'static str {
        match Cast::at(index, self.drawer.people) {
            Some(Cast::ManagedDomain) => DOMAINS[1],
            Some(_) => DOMAINS[0],
            None => match below(self.drawer.draw(index, For::Domain), 100) {
                0..=71 => DOMAINS[0],
                72..=91 => DOMAINS[1],
                _ => DOMAINS[2],
            },
        }
    }

    /// The generated row that first held an address, whatever its capitals.
    pub(crate) fn index_of_email(&self, email: &str) -> Option<u32> {
        let email = email.to_lowercase();
        let (mailbox, domain) = email.split_once('@')?;
        let index = if domain == ROOM_DOMAIN {
            let ordinal: u32 = mailbox.rsplit_once('-')?.1.parse().ok()?;
            self.layout.rooms.start.checked_add(ordinal)?
        } else {
            let name = mailbox.trim_end_matches(|c: char| c.is_ascii_digit());
            let again: u64 = match &mailbox[name.len()..] {
                "" => 0,
                digits => digits.parse::<u64>().ok()?.checked_sub(1)?,
            };
            let (factor, offset) = self.permutation();
            let shifted = NamePair::number_of(name)?.wrapping_sub(offset);
            let base = shifted.wrapping_mul(inverse(factor)) % PAIRS;
            u32::try_from(again.checked_mul(PAIRS)? + base).ok()?
        };
        let user = self.user(index)?;
        user.email.eq_ignore_ascii_case(&email).then_some(index)
    }
}

fn bundle_of(traits: &Traits) -> Option<Bundle> {
    traits.bundle.map(|kind| match kind {
        BundleKind::ZoomOne(number) => Bundle::ZoomOne(number),
        BundleKind::United => Bundle::United("1".into()),
    })
}

/// The inverse of an odd number modulo 2^64, by Newton's iteration.
fn inverse(odd: u64) -> u64 {
    (0..6).fold(odd, |x, _| {
        x.wrapping_mul(2_u64.wrapping_sub(odd.wrapping_mul(x)))
    })
}

/// `Jill.Chill@Example.com`, as people write it into forms.
pub(crate) fn capitals(email: &str) -> String {
    let mut start = true;
    email
        .chars()
        .map(|letter| {
            let written = if start {
                letter.to_ascii_uppercase()
            } else {
                letter
            };
            start = matches!(letter, '.' | '@') && !email.ends_with(letter);
            written
        })
        .collect()
}
