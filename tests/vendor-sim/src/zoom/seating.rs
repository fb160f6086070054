//! Zoom's rules for a user's base seat: Licensed, Basic, without Meetings, or out of a bundle. Both
//! the single update and the bulk call follow them.

use crate::zoom::errors::ApiError;
use crate::zoom::options::{SeatRefusal, Switches};
use crate::zoom::settings::Stock;
use crate::zoom::user::{Bundle, Status, User};

/// Types of users that may be asked for; 3 was On-prem.
const ON_PREM: u64 = 3;
const NO_MEETINGS: u64 = 4;
const NONE: u64 = 99;

/// Gives a user another type, or says why not.
pub(crate) fn change_type(
    user: &mut User,
    to: u64,
    stock: &Stock,
    switches: &Switches,
) -> Result<(), ApiError> {
    if switches.caller_may_not_change_types {
        return Err(ApiError::bad(
            1108,
            "Permission requirements to change the user type of this user were not met.",
        ));
    }
    match to {
        User::BASIC | User::LICENSED | NO_MEETINGS => {}
        NONE if user.sso => {}
        ON_PREM => {
            return Err(ApiError::bad(
                300,
                "Your account can't set user type as On-prem.",
            ));
        }
        _ => return Err(ApiError::invalid_field("type", "Invalid field.")),
    }
    if user.room && to == User::BASIC {
        let message = format!(
            "A Zoom Room user cannot be changed to a free user type: {}.",
            user.id
        );
        return Err(ApiError::bad(200, message));
    }
    if user.room && to != User::LICENSED {
        let message = format!(
            "A Zoom Room user cannot be changed to a no-meeting-license user type: {}.",
            user.id
        );
        return Err(ApiError::bad(200, message));
    }
    if to == user.kind {
        return match to {
            User::BASIC if switches.unpaid_host_refused => {
                Err(ApiError::bad(1109, "Host is not a paid user."))
            }
            _ => Ok(()),
        };
    }
    if to != User::LICENSED {
        may_step_down(user)?;
    }
    match to {
        User::BASIC => room_for_basic(stock, switches, "Licensed")?,
        User::LICENSED => seat_for_licensed(stock, switches)?,
        _ => {}
    }
    user.kind = to;
    if to != User::LICENSED && switches.downgrade_clears_add_ons {
        strip(user);
    }
    Ok(())
}

fn may_step_down(user: &User) -> Result<(), ApiError> {
    if user.features.upcoming_event {
        return Err(ApiError::bad(
            300,
            "You cannot change the user type to \"Basic\" because this user has an upcoming Zoom \
             Events scheduled.",
        ));
    }
    if user.bundle.is_some() {
        return Err(ApiError::bad(
            300,
            "You can't turn off your Zoom One license now because you are having Zoom One as your \
             basic plan type.",
        ));
    }
    Ok(())
}

/// Takes what only a Licensed user may hold.
fn strip(user: &mut User) {
    user.features.webinar = None;
    user.features.large_meeting = None;
    user.features.events = None;
}

fn room_for_basic(stock: &Stock, switches: &Switches, from: &str) -> Result<(), ApiError> {
    let waiting = stock.assigned.pending - stock.assigned.pending_licensed;
    let ceiling = stock.bought.basic_ceiling;
    if stock.assigned.basic + waiting < ceiling {
        return Ok(());
    }
    Err(match switches.seat_refusal {
        SeatRefusal::ByDirection => ApiError::bad(
            2033,
            "Your request to convert the user type to \"Basic\" was not approved because you have \
             already reached the maximum basic user limit allowed in your account.",
        ),
        SeatRefusal::Either => ApiError::bad(
            3412,
            format!(
                "Your request to convert the user type of this \"{from}\" user to a \"Basic\" user \
                 was not approved at this time because your account has reached the permitted \
                 maximum number of \"{ceiling}\" Basic users."
            ),
        ),
    })
}

fn seat_for_licensed(stock: &Stock, switches: &Switches) -> Result<(), ApiError> {
    let (bought, held) = (stock.bought.base, &stock.assigned);
    // Invitations hold seats too.
    if held.base + held.pending_licensed < bought {
        return Ok(());
    }
    Err(match switches.seat_refusal {
        SeatRefusal::ByDirection => ApiError::bad(
            2034,
            "Your request to convert the plan type of this user to \"Licensed\" was not approved \
             at this time because your account has reached the permitted maximum number of \
             \"Licensed\" users.",
        ),
        SeatRefusal::Either => ApiError::bad(
            3412,
            format!(
                "Your request to convert the user type of a \"Basic\" user to a \"Licensed\" user \
                 was not approved at this time because your account has reached the permitted \
                 maximum number of \"{bought}\" paying users."
            ),
        ),
    })
}

/// Gives a user a bundle or takes it; without one they are Basic.
pub(crate) fn change_bundle(
    user: &mut User,
    to: Option<Bundle>,
    stock: &Stock,
) -> Result<(), ApiError> {
    let free = match &to {
        None => {
            if user.bundle.is_none() {
                return Ok(());
            }
            if user.features.upcoming_event {
                return may_step_down(user);
            }
            let kind = match user.bundle {
                Some(Bundle::United(_)) => "United",
                _ => "One",
            };
            if stock.assigned.basic >= stock.bought.basic_ceiling {
                let message = format!(
                    "You can't turn off your Zoom {kind} license now because you don't have enough \
                     basic licenses."
                );
                return Err(ApiError::bad(2039, message));
            }
            user.bundle = None;
            user.kind = User::BASIC;
            strip(user);
            return Ok(());
        }
        Some(Bundle::ZoomOne(_)) => stock.bought.zoom_one - stock.assigned.zoom_one,
        Some(Bundle::United(_)) => stock.bought.united - stock.assigned.united,
    };
    let same_kind = matches!(
        (&user.bundle, &to),
        (Some(Bundle::ZoomOne(_)), Some(Bundle::ZoomOne(_)))
            | (Some(Bundle::United(_)), Some(Bundle::United(_)))
    );
    if free <= 0 && !same_kind {
        return Err(ApiError::bad(
            2038,
            "Your request to convert the plan type of this user was not approved at this time \
             because your account has reached the permitted maximum number.",
        ));
    }
    user.bundle = to;
    user.kind = User::LICENSED;
    Ok(())
}

/// Takes all licences and blocks the login.
pub(crate) fn deactivate(user: &mut User, switches: &Switches) -> Result<(), ApiError> {
    refuse_rooms_and_admins(user)?;
    if user.features.upcoming_event {
        return Err(ApiError::bad(
            300,
            "You cannot deactivate this user because the user has an upcoming Zoom Events \
             scheduled.",
        ));
    }
    user.status = Status::Inactive;
    if !switches.deactivated_keeps_type {
        user.kind = User::BASIC;
    }
    user.bundle = None;
    user.features = crate::zoom::user::Features::default();
    Ok(())
}

/// Lets a deactivated user in again, as a Basic one.
pub(crate) fn activate(
    user: &mut User,
    stock: &Stock,
    switches: &Switches,
) -> Result<(), ApiError> {
    refuse_rooms_and_admins(user)?;
    if user.status == Status::Active {
        return Ok(());
    }
    let waiting = stock.assigned.pending - stock.assigned.pending_licensed;
    if stock.assigned.basic + waiting >= stock.bought.basic_ceiling {
        return Err(match switches.seat_refusal {
            SeatRefusal::ByDirection => ApiError::bad(
                2033,
                "Your request to activate the basic user was not approved because you have \
                 already reached the maximum basic user limit allowed in your account.",
            ),
            SeatRefusal::Either => ApiError::bad(
                3412,
                format!(
                    "Your request to activate the user was not approved at this time because your \
                     account has reached the permitted maximum number of {} basic users.",
                    stock.bought.basic_ceiling
                ),
            ),
        });
    }
    user.status = Status::Active;
    user.kind = User::BASIC;
    Ok(())
}

fn refuse_rooms_and_admins(user: &User) -> Result<(), ApiError> {
    if user.room || user.owner() || user.admin() {
        return Err(ApiError::bad(
            200,
            "Zoom Room and Admin users' status cannot be activated or deactivated.",
        ));
    }
    Ok(())
}
