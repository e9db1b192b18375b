// Many logins by mysql2, JSON in and out: tests/support/login_clients.py says what it means.
const fs = require("fs");
const mysql = require("mysql2/promise");

const SECONDS = 60;

async function talk(login) {
  const text = "x".repeat(login.size);
  const options = login.ca
    ? { ssl: { ca: fs.readFileSync(login.ca), verifyIdentity: true } } : {};
  const connection = await mysql.createConnection({
    // Node.js names no server by its address, and mysql2 checks a name only that it could give.
    host: login.ca ? "localhost" : "127.0.0.1",
    port: login.port, user: login.user, password: login.password,
    connectTimeout: SECONDS * 1000, enableCleartextPlugin: login.clear, ...options,
  });
  try {
    const [[row]] = await connection.execute("SELECT CURRENT_USER() AS user, ? AS text", [text]);
    const [[status]] = await connection.query("SHOW SESSION STATUS LIKE 'Ssl_version'");
    return { user: row.user, echoed: row.text === text, tls: status.Value };
  } finally {
    await connection.end();
  }
}

async function main() {
  const outcomes = [];
  for (const login of JSON.parse(fs.readFileSync(0))) {
    try {
      outcomes.push(await talk(login));
    } catch (error) {
      outcomes.push({ error: error.errno || 0, message: String(error) });
    }
  }
  console.log(JSON.stringify(outcomes));
}
main().catch((error) => { console.error(error); process.exitCode = 1; });
