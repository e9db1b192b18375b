// mysql2 of Node.js: every statement as text, and prepared with every type of parameter.
const crypto = require("crypto");
const fs = require("fs");
const path = require("path");
const { Readable } = require("stream");
const mysql = require("mysql2/promise");

const option = (name) => process.env["STORY_" + name.toUpperCase()];
const LONG = 400;
const BINARY = 63;

function plain(value) {
  if (value === undefined) return { undefined: true };
  if (typeof value === "bigint") return { bigint: String(value) };
  if (Buffer.isBuffer(value)) return { bytes: value.length > LONG ? digest(value) : value.toString("hex") };
  if (typeof value === "string" && value.length > LONG) return { text: digest(Buffer.from(value)) };
  if (value instanceof Date) return { date: value.toISOString() };
  if (value instanceof Error)
    return { error: [value.code, value.errno, value.sqlState, value.sqlMessage || value.message] };
  if (Array.isArray(value)) return value.map(plain);
  if (value !== null && typeof value === "object") {
    const parts = Object.entries(value).map(([name, part]) => [name, plain(part)]);
    // Reports of variables come in an order that means nothing.
    return Object.fromEntries("character_set_client" in value ? parts.sort() : parts);
  }
  return value;
}

function digest(data) {
  return data.length + " " + crypto.createHash("sha256").update(data).digest("hex").slice(0, 16);
}

function say(label, value) {
  process.stdout.write(JSON.stringify([label, plain(value)]) + "\n");
}

function connect(options = {}) {
  return mysql.createConnection({
    host: option("host"), port: Number(option("port")), user: option("user"),
    password: option("password"), charset: "utf8mb4", multipleStatements: true,
    supportBigNumbers: true, bigNumberStrings: true, dateStrings: true, ...options,
  });
}

function described(fields) {
  if (!Array.isArray(fields)) return null;
  return fields.map((field) =>
    Array.isArray(field) ? described(field)
      : field && [field.name, field.table, field.schema, field.columnType, field.flags,
        field.columnLength, field.decimals, field.characterSet === BINARY]);
}

async function run(connection, text, parameters, way = "query") {
  const label = text.split(/\s+/).filter(Boolean).join(" ").slice(0, 100);
  try {
    const [rows, fields] = await connection[way](text, parameters);
    say(label, { rows, fields: described(fields) });
  } catch (error) {
    say(label, error);
  }
}

async function attempt(label, work) {
  try {
    say(label, await work());
  } catch (error) {
    say(label, error);
  }
}

function sections() {
  const parts = [];
  const file = path.join(__dirname, "statements.sql");
  for (const paragraph of fs.readFileSync(file, "utf8").split("\n\n")) {
    const text = paragraph.replace(/^\n+|\n+$/g, "");
    const [first, ...rest] = text.split("\n");
    if (first === "#mysql" || first === "#mariadb") {
      if (first.slice(1) === option("flavor")) parts[parts.length - 1].push(rest.join("\n"));
    } else if (text.startsWith("# ")) parts.push([]);
    else if (text) parts[parts.length - 1].push(text);
  }
  return parts;
}

const VALUES = [
  null, 0, -1, 2 ** 40, 1.5, "ünï 😀", "", Buffer.from([0, 255, 254]), true, false,
  new Date("2024-02-29T12:34:56.789Z"), { a: [1, null] }, "x".repeat(70000), 9007199254740993n,
];

async function prepared() {
  const connection = await connect({ database: "test_mysql2" });
  // A text for each value: a server keeps what it made of the first one's type in the statement.
  for (const [n, value] of VALUES.entries())
    for (let again = 0; again < 2; again++)
      await run(connection, `SELECT ? AS a${n}, ? IS NULL AS b`, [value, value], "execute");
  for (let n = 0; n < 5; n++) await run(connection, "INSERT INTO t (a, b) VALUES (?, ?)", [n, "row " + n], "execute");
  await run(connection, "SELECT LAST_INSERT_ID() AS id", [], "execute");
  await run(connection, "SELECT * FROM t WHERE a > ? ORDER BY a", [1], "execute");
  await run(connection, "UPDATE t SET b = ? WHERE a = ?", [null, 2], "execute");
  await run(connection, "INSERT INTO t (a) VALUES (?)", ["no number"], "execute");
  await run(connection, "SELECT * FROM nowhere WHERE a = ?", [1], "execute");
  await run(connection, "CALL shows(?, @b)", [5], "execute");
  const statements = [];
  for (let n = 0; n < 4; n++) statements.push(await connection.prepare(`SELECT ${n}, COUNT(*) FROM t WHERE a >= ?`));
  for (const statement of statements.reverse()) {
    say("several", (await statement.execute([1]))[0]);
    await statement.close();
  }
  await connection.end();
}

async function pipelined() {
  const connection = await connect({ database: "test_mysql2" });
  const answers = await Promise.allSettled([
    connection.query("SELECT 1 AS a"), connection.query("SELECT * FROM nowhere"),
    connection.execute("SELECT ? AS b", [2]), connection.query("SELECT SLEEP(0.05), 3 AS c"),
    connection.query("SET @p = 4"), connection.query("SELECT @p AS d"),
  ]);
  answers.forEach((answer, n) => say("pipelined " + n, answer.value ? answer.value[0] : answer.reason));
  await connection.end();
}

async function conveniences() {
  const connection = await connect({ database: "test_mysql2", flags: ["FOUND_ROWS"] });
  await connection.beginTransaction();
  await run(connection, "INSERT INTO t SET ?", { a: 50, b: "it's" });
  await connection.rollback();
  await run(connection, "SELECT COUNT(*) AS n FROM t WHERE a = 50");
  await connection.beginTransaction();
  await run(connection, "UPDATE t SET a = a WHERE a > 0");
  await connection.commit();
  await attempt("ping", () => connection.ping());
  await run(connection, "CALL shows(5, @b); SELECT @b AS b");
  await run(connection, { sql: "SELECT 1 AS a, 2 AS a", rowsAsArray: true }.sql);
  await run(connection, "SET @v = 1, sql_mode = ''");
  await attempt("reset", async () => { await connection.reset(); return null; });
  await run(connection, "SELECT @v AS v, DATABASE() AS d");
  await attempt("change", async () => {
    await connection.changeUser({ user: "admin", password: "admin-secret-1", database: "shop" });
    return null;
  });
  await run(connection, "SELECT CURRENT_USER() AS u, DATABASE() AS d, @v AS v");
  await attempt("change back", async () => {
    await connection.changeUser({ user: option("user"), password: option("password"), database: "test_mysql2" });
    return null;
  });
  await run(connection, "SELECT CURRENT_USER() AS u, DATABASE() AS d");
  await connection.end();
  await attempt("wrong password", () => connect({ password: "wrong" }));
  await attempt("no such schema", () => connect({ database: "nowhere" }));
}

async function infile() {
  const connection = await connect({ database: "test_mysql2" });
  const rows = Array.from({ length: 20000 }, (_, n) => `${n + 1000}\tline ${n}\n`).join("");
  await attempt("infile", async () => (await connection.query({
    sql: "LOAD DATA LOCAL INFILE 'rows' INTO TABLE t (a, b)", infileStreamFactory: () => Readable.from([Buffer.from(rows)]),
  }))[0]);
  await run(connection, "SELECT COUNT(*) AS n, MAX(a) AS m FROM t WHERE a >= 1000");
  await run(connection, "DELETE FROM t WHERE a >= 1000");
  await connection.end();
}

async function big() {
  const connection = await connect({ database: "test_mysql2" });
  await run(connection, "SELECT REPEAT('b', 17000000) AS b, 1 AS a");
  await run(connection, "SELECT LENGTH(?) AS n", ["y".repeat(17000000)]);
  await run(connection, "SELECT LENGTH(?) AS n, ? AS v", ["z".repeat(17000000), 1], "execute");
  const numbers = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 900) ";
  let sum = 0;
  const stream = connection.connection.query(numbers + "SELECT a.i AS i FROM n a, n b WHERE b.i < 60").stream();
  for await (const row of stream) sum += Number(row.i);
  say("streamed", sum);
  await connection.end();
}

async function kill() {
  const [connection, other] = [await connect(), await connect()];
  setTimeout(() => other.query("KILL QUERY " + connection.threadId), 700);
  await run(connection, "SELECT SLEEP(20) AS s");
  await run(connection, "SELECT 'after' AS s");
  setTimeout(() => other.query("KILL QUERY " + connection.threadId), 700);
  await run(connection, "SELECT SLEEP(?) AS s", [20], "execute");
  await run(connection, "SELECT 'after' AS s");
  await connection.end();
  await other.end();
}

async function main() {
  const connection = await connect();
  for (const text of [
    "DROP DATABASE IF EXISTS test_mysql2", "CREATE DATABASE test_mysql2", "USE test_mysql2",
    "CREATE TABLE t (id INT AUTO_INCREMENT PRIMARY KEY, a INT, b VARCHAR(50))",
    "CREATE PROCEDURE shows(IN a INT, OUT b INT) BEGIN SELECT a; SET b = a + 1; SELECT b, 'two'; END",
  ]) await connection.query(text);
  await connection.end();
  for (const part of [prepared, pipelined, conveniences, infile, big, kill])
    await attempt(part.name, async () => { await part(); return null; });
  let number = 0;
  for (const section of sections()) {
    const one = await connect();
    if (number++) await one.query("USE test_story");
    for (const text of section) await run(one, text);
    await one.end();
  }
}

main().catch((error) => { say("failed", error); process.exitCode = 1; });
