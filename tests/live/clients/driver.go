// Run script.json by go-sql-driver/mysql: driver PORT PASSWORD FILE; parameters are prepared.
package main

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"os"

	_ "github.com/go-sql-driver/mysql"
)

func run(connection *sql.Conn, text string, parameters []interface{}) {
	rows, err := connection.QueryContext(context.Background(), text, parameters...)
	if err != nil {
		fmt.Printf("%.60q error %v\n", text, err)
		return
	}
	defer rows.Close()
	for {
		names, _ := rows.Columns()
		fmt.Printf("%.60q %v\n", text, names)
		for rows.Next() {
			values := make([]sql.RawBytes, len(names))
			places := make([]interface{}, len(names))
			for i := range values {
				places[i] = &values[i]
			}
			if err := rows.Scan(places...); err != nil {
				fmt.Println("scan", err)
			}
			for _, value := range values {
				fmt.Printf("  %.80q %v\n", string(value), value == nil)
			}
		}
		if !rows.NextResultSet() {
			break
		}
	}
	if err := rows.Err(); err != nil {
		fmt.Println("rows", err)
	}
}

func main() {
	source := fmt.Sprintf("app:%s@tcp(127.0.0.1:%s)/shop?charset=utf8mb4", os.Args[2], os.Args[1])
	database, err := sql.Open("mysql", source)
	if err != nil {
		fmt.Println("failed", err)
		os.Exit(1)
	}
	connection, err := database.Conn(context.Background())
	if err != nil {
		fmt.Println("failed", err)
		os.Exit(1)
	}
	data, _ := os.ReadFile(os.Args[3])
	var steps [][]json.RawMessage
	if err := json.Unmarshal(data, &steps); err != nil {
		fmt.Println("failed", err)
		os.Exit(1)
	}
	for _, step := range steps {
		var text string
		var parameters []interface{}
		json.Unmarshal(step[0], &text)
		if len(step) > 1 {
			json.Unmarshal(step[1], &parameters)
		}
		run(connection, text, parameters)
	}
	run(connection, "SELECT 'still here'", nil)
	if err := connection.PingContext(context.Background()); err != nil {
		fmt.Println("ping", err)
	}
	connection.Close()
	database.Close()
}
