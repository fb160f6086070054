//! Believable people for the generators: names of many countries, departments, rooms and time
//! zones. A pair of names is the base of an e-mail address, and an address leads back to its pair.

use std::collections::BTreeMap;
use std::sync::LazyLock;

/// How many distinct pairs of names there are; a power of two, so that an odd factor permutes them.
pub(crate) const PAIRS: u64 = (FIRST_NAMES.len() * LAST_NAMES.len()) as u64;

/// A first and a last name, and how both are written in an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NamePair {
    pub(crate) first: &'static str,
    pub(crate) last: &'static str,
}

impl NamePair {
    /// The pair of number `n`, which is taken modulo [`PAIRS`].
    pub(crate) fn nth(n: u64) -> Self {
        let n = usize::try_from(n % PAIRS).unwrap_or_default();
        Self {
            first: FIRST_NAMES[n / LAST_NAMES.len()],
            last: LAST_NAMES[n % LAST_NAMES.len()],
        }
    }

    /// `first.last` in the letters of an address.
    pub(crate) fn mailbox(self) -> String {
        let mut mailbox = ascii(self.first);
        mailbox.push('.');
        mailbox.push_str(&ascii(self.last));
        mailbox
    }

    /// The number of the pair whose mailbox is `mailbox`, in lower case.
    pub(crate) fn number_of(mailbox: &str) -> Option<u64> {
        static FIRST: LazyLock<BTreeMap<String, u64>> = LazyLock::new(|| numbered(&FIRST_NAMES));
        static LAST: LazyLock<BTreeMap<String, u64>> = LazyLock::new(|| numbered(&LAST_NAMES));
        let (first, last) = mailbox.split_once('.')?;
        Some(FIRST.get(first)? * LAST_NAMES.len() as u64 + LAST.get(last)?)
    }
}

fn numbered(names: &[&str]) -> BTreeMap<String, u64> {
    names.iter().map(|name| ascii(name)).zip(0..).collect()
}

/// Writes a name as addresses do: lower case, without marks.
fn ascii(name: &str) -> String {
    let mut plain = String::with_capacity(name.len() + 2);
    for letter in name.chars() {
        match letter {
            'ä' | 'Ä' => plain.push_str("ae"),
            'ö' | 'Ö' | 'ø' | 'Ø' => plain.push_str("oe"),
            'ü' | 'Ü' => plain.push_str("ue"),
            'å' | 'Å' | 'á' | 'ã' | 'à' | 'â' => plain.push('a'),
            'é' | 'è' | 'ê' | 'ë' | 'ě' | 'É' => plain.push('e'),
            'í' | 'ï' => plain.push('i'),
            'ó' | 'ô' => plain.push('o'),
            'ú' | 'ů' => plain.push('u'),
            'ñ' | 'ń' => plain.push('n'),
            'ç' | 'ć' | 'č' => plain.push('c'),
            'ł' | 'Ł' => plain.push('l'),
            'š' | 'ş' | 'Š' => plain.push('s'),
            'ž' | 'Ž' => plain.push('z'),
            'ß' => plain.push_str("ss"),
            letter if letter.is_ascii_alphabetic() => plain.push(letter.to_ascii_lowercase()),
            _ => {}
        }
    }
    plain
}

/// First names, sorted.
#[rustfmt::skip]
static FIRST_NAMES: [&str; 128] = [
    "Aaliyah", "Aarav", "Abigail", "Adam", "Adaeze", "Agnieszka", "Ahmed", "Aiko", "Alejandro",
    "Alessia", "Alexander", "Alice", "Amara", "Amelia", "Amir", "Ana", "Anders", "Andrea", "Anika",
    "Anjali", "Anna", "Antoine", "Anton", "Aoife", "Arjun", "Astrid", "Ayşe", "Beatriz", "Ben",
    "Björn", "Bruno", "Camila", "Carlos", "Catarina", "Charlotte", "Chen", "Chiara", "Chloé",
    "Christoph", "Ciara", "Claire", "Clara", "Daniel", "Daria", "David", "Deepak", "Diego",
    "Dimitri", "Dmytro", "Dorothea", "Eduardo", "Elena", "Elif", "Elijah", "Élodie", "Emeka",
    "Emil", "Emily", "Emma", "Enrico", "Erik", "Esther", "Eva", "Fatima", "Felix", "Fernanda",
    "Filip", "Fiona", "Florian", "Francesca", "Freya", "Gabriel", "Georgia", "Giulia", "Grace",
    "Gustav", "Hana", "Hannah", "Haruto", "Hassan", "Heike", "Henrik", "Hiroshi", "Hugo",
    "Ibrahim", "Ines", "Ingrid", "Irina", "Isabel", "Ivan", "Jack", "Jakob", "James", "Jasmine",
    "Javier", "Jelena", "João", "Johanna", "Jonas", "José", "Julia", "Jun", "Jürgen", "Kai",
    "Karim", "Karin", "Katarzyna", "Kenji", "Kofi", "Lars", "Laura", "Lena", "Leonardo", "Li",
    "Lin", "Lucas", "Lucía", "Magnus", "Mai", "Małgorzata", "Marcus", "Maria", "Marie", "Mateo",
    "Maya", "Mehmet", "Mei", "Mia",
];

/// Last names, sorted.
#[rustfmt::skip]
static LAST_NAMES: [&str; 256] = [
    "Abdullah", "Adams", "Adeyemi", "Aguilar", "Ahmed", "Ali", "Almeida", "Alvarez", "Andersen",
    "Anderson", "Andersson", "Baker", "Banerjee", "Barbosa", "Bauer", "Becker", "Bennett", "Berg",
    "Bernard", "Bianchi", "Björk", "Blanc", "Bonnet", "Borges", "Brown", "Bruno", "Campbell",
    "Cardoso", "Carter", "Castro", "Cervantes", "Chan", "Chandra", "Chaudhary", "Chávez", "Chen",
    "Choi", "Chopra", "Christensen", "Clark", "Clarke", "Coleman", "Collins", "Conti", "Cooper",
    "Costa", "Cruz", "Cunha", "Dahl", "Davies", "Davis", "Dąbek", "Delgado", "Demir", "Desai",
    "Diaz", "Dietrich", "Dubois", "Dumont", "Dupont", "Edwards", "Eriksen", "Esposito", "Evans",
    "Farah", "Faria", "Fernandes", "Fernandez", "Ferrari", "Ferreira", "Fischer", "Flores",
    "Fontaine", "Foster", "Fournier", "Franke", "Fuchs", "Fujita", "Gallo", "Garcia", "Garnier",
    "Gauthier", "Geiger", "Georgiou", "Gerber", "Gomes", "Gomez", "Gonzalez", "Graf", "Gray",
    "Green", "Greco", "Grünwald", "Gupta", "Gustafsson", "Haas", "Haddad", "Hall", "Hamid",
    "Hansen", "Hara", "Harris", "Hartmann", "Hassan", "Hayashi", "Henry", "Hermann", "Hernandez",
    "Herrera", "Hoffmann", "Holm", "Horváth", "Huang", "Huber", "Hughes", "Hussein", "Ibrahim",
    "Ito", "Ivanov", "Jackson", "Jansen", "Jansson", "Jensen", "Jimenez", "Johansen", "Johansson",
    "Johnson", "Jones", "Joshi", "Jung", "Kaiser", "Kamau", "Kang", "Kapoor", "Kato", "Kaufmann",
    "Kaya", "Keller", "Kelly", "Khalil", "Khan", "Kim", "King", "Klein", "Kobayashi", "Koch",
    "Kovács", "Kowalski", "Kraft", "Krause", "Krüger", "Kumar", "Lambert", "Lang", "Larsen",
    "Larsson", "Laurent", "Lee", "Lefebvre", "Lehmann", "Leone", "Lewis", "Liang", "Lima",
    "Lindberg", "Liu", "Lombardi", "Lopes", "Lopez", "Lund", "Maier", "Malik", "Mancini", "Marino",
    "Martin", "Martinez", "Mayer", "Mbeki", "Mehta", "Melo", "Mendes", "Mercier", "Meyer",
    "Miller", "Mishra", "Mitchell", "Moreau", "Moreno", "Morgan", "Mori", "Morris", "Moser",
    "Müller", "Murphy", "Nagy", "Nair", "Nakamura", "Navarro", "Neumann", "Nguyen", "Nielsen",
    "Novák", "Nowak", "Oduya", "Okafor", "Oliveira", "Olsen", "Olsson", "Ortega", "Osei", "Ozturk",
    "Park", "Parker", "Patel", "Pedersen", "Pereira", "Perez", "Petersen", "Petrov", "Pham",
    "Phillips", "Popescu", "Pouliot", "Quinn", "Ramirez", "Ramos", "Rao", "Reyes", "Ricci",
    "Richter", "Rivera", "Roberts", "Robinson", "Rodrigues", "Romano", "Rossi", "Roux", "Ruiz",
    "Russo", "Sánchez", "Santos", "Sato", "Schäfer", "Schmidt", "Schneider", "Schulz", "Sharma",
    "Silva", "Singh", "Smith", "Sørensen", "Suzuki", "Takahashi", "Tan", "Weber", "Zhang",
];

/// Departments; those with a low number are the larger ones.
#[rustfmt::skip]
pub(crate) static DEPARTMENTS: [&str; 16] = [
    "Engineering", "Sales", "Marketing", "Customer Success", "Finance", "Legal", "People", "IT",
    "Product", "Research", "Operations", "Procurement", "Security", "Design", "Logistics",
    "Facilities",
];

/// What people do.
#[rustfmt::skip]
pub(crate) static JOB_TITLES: [&str; 16] = [
    "Account Executive", "Analyst", "Architect", "Buyer", "Consultant", "Controller", "Counsel",
    "Designer", "Developer", "Director", "Engineer", "Manager", "Partner Manager", "Recruiter",
    "Scientist", "Team Lead",
];

/// Where people are, as their account says.
#[rustfmt::skip]
pub(crate) static TIME_ZONES: [&str; 12] = [
    "Europe/Berlin", "Europe/London", "Europe/Paris", "America/New_York", "America/Chicago",
    "America/Los_Angeles", "America/Sao_Paulo", "Asia/Kolkata", "Asia/Tokyo", "Asia/Singapore",
    "Australia/Sydney", "Africa/Lagos",
];

/// The office of each of [`TIME_ZONES`], in the same order.
#[rustfmt::skip]
pub(crate) static CITIES: [&str; 12] = [
    "Berlin", "London", "Paris", "New York", "Chicago", "San Francisco", "São Paulo", "Bengaluru",
    "Tokyo", "Singapore", "Sydney", "Lagos",
];

/// Names of meeting rooms.
#[rustfmt::skip]
pub(crate) static ROOMS: [&str; 16] = [
    "Aurora", "Boardroom", "Canyon", "Delta", "Everest", "Fjord", "Glacier", "Harbour", "Island",
    "Juniper", "Kestrel", "Lagoon", "Meadow", "Nimbus", "Orchard", "Prairie",
];

/// What meetings are about.
#[rustfmt::skip]
pub(crate) static TOPICS: [&str; 16] = [
    "Weekly sync", "Project review", "One-to-one", "Customer call", "Design review",
    "Sprint planning", "Retrospective", "Interview", "Budget review", "Roadmap", "Stand-up",
    "Vendor call", "Incident review", "Workshop", "Training", "Quarterly review",
];

/// What webinars are about.
#[rustfmt::skip]
pub(crate) static WEBINAR_TOPICS: [&str; 8] = [
    "Product launch", "Customer onboarding", "All hands", "Partner update", "Security briefing",
    "Release overview", "Getting started", "Town hall",
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_pair_of_names_has_its_own_mailbox_and_is_found_by_it() {
        assert!(PAIRS.is_power_of_two());
        let mut seen = BTreeSet::new();
        for n in 0..PAIRS {
            let mailbox = NamePair::nth(n).mailbox();
            assert!(mailbox.is_ascii(), "{mailbox}");
            assert_eq!(NamePair::number_of(&mailbox), Some(n), "{mailbox}");
            assert!(seen.insert(mailbox));
        }
        assert_eq!(NamePair::number_of("nobody.here"), None);
        assert_eq!(NamePair::number_of("anna"), None);
    }
}
