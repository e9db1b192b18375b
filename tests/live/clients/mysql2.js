// Run script.json by mysql2: mysql2.js PORT PASSWORD; parameters go through prepared statements.
const fs = require("fs");
const path = require("path");
const mysql = require("mysql2/promise");

async function main() {
  const connection = await mysql.createConnection({
    host: "127.0.0.1", port: Number(process.argv[2]), user: "app",
    password: process.argv[3], charset: "utf8mb4", dateStrings: true,
  });
  const steps = JSON.parse(fs.readFileSync(path.join(__dirname, "script.json")));
  steps.push(["SELECT 'still here'"]);
  for (const [sql, parameters] of steps) {
    const answer = { sql: sql.slice(0, 60) };
    try {
      const [rows, fields] = parameters === undefined
        ? await connection.query(sql) : await connection.execute(sql, parameters);
      const changed = rows && rows.stateChanges && rows.stateChanges.systemVariables;
      if (changed) rows.stateChanges.systemVariables = Object.entries(changed).sort();
      answer.rows = JSON.stringify(rows).slice(0, 2000);
      answer.names = Array.isArray(fields) ? JSON.stringify(fields.map((f) => f && f.name)) : null;
    } catch (error) {
      answer.error = [error.errno, error.sqlState, error.sqlMessage];
    }
    console.log(JSON.stringify(answer));
  }
  await connection.ping();
  await connection.changeUser({ user: "app", password: process.argv[3], database: "shop" });
  const [rows] = await connection.query("SELECT DATABASE()");
  console.log(JSON.stringify(rows));
  await connection.end();
}
main().catch((error) => { console.log("failed: " + error); process.exitCode = 1; });
