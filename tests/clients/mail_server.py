#!/usr/bin/env python3
"""A real SMTP server on loopback: mail_server.py FOLDER [--starttls CERT KEY | --tls CERT KEY] [--login USER PASSWORD].

Prints its port. What it accepts is appended to FOLDER/mail.jsonl, one JSON object per message; FOLDER/replies.json, when
there, maps recipients to the reply that they get instead of `250 OK`. Ends when its standard input does."""

import argparse
import asyncio
import json
import ssl
import sys
from pathlib import Path

from aiosmtpd.smtp import SMTP, AuthResult


class Handler:
    def __init__(self, folder):
        self.folder = folder

    async def handle_RCPT(self, server, session, envelope, address, options):
        replies = self.folder / "replies.json"
        reply = json.loads(replies.read_text()).get(address.lower()) if replies.exists() else None
        if reply:
            return reply
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        mail = {
            "from": envelope.mail_from,
            "to": envelope.rcpt_tos,
            "tls": session.ssl is not None,
            "login": session.authenticated,
            "content": envelope.content.decode(),
        }
        with open(self.folder / "mail.jsonl", "a") as file:
            file.write(json.dumps(mail) + "\n")
        return "250 2.0.0 queued"


def context(pair):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*pair)
    return context


async def serve(args):
    options = {}
    if args.starttls:
        options.update(tls_context=context(args.starttls), require_starttls=True)
    if args.login:
        user, password = (word.encode() for word in args.login)

        def authenticate(server, session, envelope, mechanism, data):
            return AuthResult(success=(data.login, data.password) == (user, password), handled=False)

        options.update(authenticator=authenticate, auth_required=True, auth_require_tls=False)
    handler = Handler(args.folder)
    server = await asyncio.get_running_loop().create_server(
        lambda: SMTP(handler, hostname="relay.example.com", **options), "127.0.0.1", 0,
        ssl=context(args.tls) if args.tls else None)
    print(server.sockets[0].getsockname()[1], flush=True)
    await asyncio.to_thread(sys.stdin.read)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--starttls", nargs=2)
    parser.add_argument("--tls", nargs=2)
    parser.add_argument("--login", nargs=2)
    asyncio.run(serve(parser.parse_args()))


if __name__ == "__main__":
    main()
