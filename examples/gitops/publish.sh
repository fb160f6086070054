#!/bin/sh
# Brings the newest commit of a branch to the daemon: fetched, checked as it is, then swapped in at once. A commit that does not
# check is never in force, and the one before it stays.
#
#   publish.sh REPOSITORY [BRANCH]
#
# Taken from the environment where set:
#   SEATSYNC_GIT_STATE   where the clone and the published commits are   (/var/lib/seatsync-profiles)
#   SEATSYNC_GIT_FOLDER  the folder with profiles in the repository      (profiles.d)
#   SEATSYNC_GIT_VERIFY  with `yes`, only commits whose signature git verifies are published
#   SEATSYNC             the program                                     (seatsync)
#
# Prints what it did in one line. Ends with 0 where the newest commit is in force, 1 where it is not.
set -eu
umask 022

repository=${1:?name the repository}
branch=${2:-main}
state=${SEATSYNC_GIT_STATE:-${STATE_DIRECTORY:-/var/lib/seatsync-profiles}}
folder=${SEATSYNC_GIT_FOLDER:-profiles.d}
seatsync=${SEATSYNC:-seatsync}
clone=$state/repository.git
# Commits that stay beside the one in force.
kept=2

fail() { echo "seatsync-publish: $*" >&2; exit 1; }

[ -d "$clone" ] || git init --quiet --bare "$clone"
git -C "$clone" fetch --quiet --no-tags --force -- "$repository" "+refs/heads/$branch:refs/heads/incoming" ||
  fail "branch \`$branch\` of $repository cannot be fetched: what is in force stays"
commit=$(git -C "$clone" rev-parse --verify --quiet 'refs/heads/incoming^{commit}')
if [ "${SEATSYNC_GIT_VERIFY:-no}" = yes ]; then
  git -C "$clone" verify-commit "$commit" 2>/dev/null || fail "commit $commit has no signature that git verifies: what is in force stays"
fi

tree=$state/commits/$commit
# The daemon notices by itself; where this user may ask it, its answer shows here.
ask_daemon() {
  code=0
  said=$("$seatsync" reload --wait 2>&1) || code=$?
  case $code in
  0 | 3 | 4) ;; # It answered well; it does not run; this user may not ask it.
  *) printf '%s\n' "$said" >&2; fail "commit $commit is in place, and the daemon takes it only in part" ;;
  esac
}

if [ "$(readlink "$state/current" 2>/dev/null)" = "commits/$commit" ]; then
  ask_daemon
  echo "seatsync-publish: $commit is in force"
  exit 0
fi
# One that was cut short is made again.
[ ! -e "$tree" ] || git -C "$clone" worktree remove --force "$tree" 2>/dev/null || rm -rf "$tree"
git -C "$clone" worktree prune
git -C "$clone" worktree add --quiet --detach "$tree" "$commit"
[ -d "$tree/$folder" ] || fail "commit $commit has no folder \`$folder\`: what is in force stays"
"$seatsync" check "$tree/$folder" >&2 || fail "commit $commit does not check: what is in force stays"

# The rename is what brings it into force: a reader sees the old commit or the new one, whole.
ln -sfn "commits/$commit" "$state/.next"
mv -T "$state/.next" "$state/current"
ask_daemon

# Oldest first; a commit in force is never among what goes.
find "$state/commits" -mindepth 1 -maxdepth 1 -printf '%T@ %f\n' | sort -n | head -n "-$((kept + 1))" |
  while read -r _ old; do
    [ "$old" = "$commit" ] || git -C "$clone" worktree remove --force "$state/commits/$old"
  done
echo "seatsync-publish: $commit is in force now"
