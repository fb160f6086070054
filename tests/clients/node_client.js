// Pushes with Node's own http module over a kept connection. Arguments: socket, records as JSON. Prints status, media
// type and body of a request with a length, one in chunks, and one without any header of ours.
"use strict";
const http = require("node:http");

const [socketPath, records] = process.argv.slice(2);
const path = "/api/now/sam_software_usage_integration/createOrUpdate";
const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
const body = JSON.stringify({ items: JSON.parse(records) });

function post(headers, parts) {
  return new Promise((resolve, reject) => {
    const request = http.request({ socketPath, path, method: "POST", agent, headers }, (answer) => {
      let text = "";
      answer.setEncoding("utf8");
      answer.on("data", (part) => (text += part));
      answer.on("end", () =>
        resolve({
          status: answer.statusCode,
          type: answer.headers["content-type"],
          reused: request.reusedSocket,
          body: JSON.parse(text),
        }),
      );
    });
    request.on("error", reject);
    for (const part of parts) request.write(part);
    request.end();
  });
}

(async () => {
  const type = { "Content-Type": "application/json" };
  const answers = [
    await post({ ...type, "Content-Length": Buffer.byteLength(body) }, [body]),
    await post(type, [body.slice(0, 10), body.slice(10)]),
    await post({}, [body]),
  ];
  console.log(JSON.stringify(answers));
  agent.destroy();
})();
