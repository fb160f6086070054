//! Desired against recorded: diff, plan, conditions. Pure, then one transaction.
