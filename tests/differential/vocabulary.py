"""What generated scripts are made of: all that changes a session, and all that looks at one.

Texts have `{other}` for the stage's second schema and `{lock}` for a name of its own.
"""

from __future__ import annotations

VARIABLES = """
SET sql_mode = 'ANSI_QUOTES'
SET sql_mode = ''
SET sql_mode = 'STRICT_ALL_TABLES,NO_ZERO_DATE'
SET sql_mode = DEFAULT
SET @@session.sql_mode = CONCAT(@@sql_mode, ',NO_BACKSLASH_ESCAPES')
SET SESSION group_concat_max_len = 5
SET group_concat_max_len = 100, foreign_key_checks = 0, @a = 3
SET group_concat_max_len = DEFAULT
SET LOCAL sql_select_limit = 1
SET sql_select_limit = 2
SET sql_select_limit = DEFAULT
SET time_zone = '+03:00'
SET time_zone = '-11:30', lc_time_names = 'fr_FR'
SET time_zone = DEFAULT, lc_time_names = DEFAULT
SET div_precision_increment = 1
SET max_error_count = 1
SET max_error_count = 0
SET max_error_count = DEFAULT
SET sql_auto_is_null = 1
SET sql_safe_updates = 1
SET sql_safe_updates = 0
SET auto_increment_increment = 10
SET auto_increment_increment = 1
SET timestamp = 1000000000
SET timestamp = DEFAULT
SET insert_id = 500
SET last_insert_id = 4242
SET sort_buffer_size = 1
SET unique_checks = OFF
SET lock_wait_timeout = 7
SET default_storage_engine = 'MEMORY'
SET default_week_format = 3
SET SESSION wait_timeout = 1000
SET nonsense = 1
SET group_concat_max_len = 9, nonsense = 1
SET group_concat_max_len = 'x'
SET div_precision_increment = 8, time_zone = 'nowhere'
SET GLOBAL max_connections = 5
SET sql_mode = 'NOTHING'
SET max_join_size = 1000
SET sql_big_selects = 1
SET optimizer_switch = 'mrr=on'
SELECT @@sql_mode, @@group_concat_max_len, @@foreign_key_checks, @@sql_select_limit
SELECT @@time_zone, @@lc_time_names, @@div_precision_increment, @@max_error_count
SELECT @@session.sql_auto_is_null, @@sql_safe_updates, @@auto_increment_increment
SELECT @@unique_checks, @@optimizer_switch
SELECT @@sort_buffer_size, @@lock_wait_timeout, @@default_storage_engine, @@default_week_format
SELECT @@max_join_size, @@sql_big_selects, @@wait_timeout
SELECT @@insert_id, @@last_insert_id, @@identity
SELECT UNIX_TIMESTAMP() = 1000000000, @@timestamp = 1000000000, 1/3
SELECT MONTHNAME('2024-02-03'), FROM_UNIXTIME(86400), "a"
SHOW VARIABLES LIKE 'sql_mode'
SHOW SESSION VARIABLES LIKE 'group_concat_max_len'
SELECT GROUP_CONCAT(id ORDER BY id) FROM t
"""

CHARSETS = r"""
SET NAMES latin1
SET NAMES utf8mb4
SET NAMES utf8mb4 COLLATE utf8mb4_bin
SET NAMES utf8mb3
SET NAMES gbk
SET NAMES DEFAULT
SET CHARACTER SET latin1
SET character_set_results = NULL
SET character_set_results = latin1
SET character_set_connection = latin1
SET character_set_client = utf8mb4
SET collation_connection = utf8mb4_unicode_ci
SET character_set_client = utf16
SET NAMES nothing
SELECT @@character_set_client, @@character_set_connection, @@character_set_results
SELECT @@collation_connection, COLLATION('x'), CHARSET(@a), 'ä', LENGTH('ä'), HEX('ä')
SELECT 'a' = 'A', 'ä' = 'a', _latin1'x', N'y'
"""

USER_VARIABLES = r"""
SET @a = 1
SET @a = 'text', @b = 2.5
SET @a = NULL
SET @b := 3, @c = @a
SET @c = 1e3
SET @a = x'00ff', @b = CAST('2024-01-01' AS DATE)
SET @`odd name` = 7, @'q' = 8
SELECT @a := 5, @b := 'five'
SELECT 9, 'nine' INTO @a, @c
SELECT id INTO @b FROM t ORDER BY id LIMIT 1
SET @a = @a + 1
SET @A = 'upper'
SET @a = CAST('[1, 2]' AS JSON)
SET @a = _latin1'l' COLLATE latin1_bin
SELECT @a, @b, @c
SELECT @`odd name`, @'q', @nobody
SELECT @a + 1, CONCAT(@b, 'x'), LENGTH(@c), COLLATION(@a)
SELECT id FROM t WHERE id = @b
UPDATE t SET a = @a WHERE id = 1
SELECT a INTO @c FROM t WHERE id = 77
SELECT doubled(@b), @of_function
SELECT @of_function, @of_trigger, @of_procedure
"""

SCHEMAS = """
USE {other}
USE {schema}
USE test_diff_nowhere
SELECT DATABASE()
SELECT COUNT(*) FROM {other}.t
SHOW TABLES
SELECT SCHEMA(), COUNT(*) FROM t
"""

ROWS = """
INSERT INTO t (a, b) VALUES (10, 'ten')
INSERT INTO t (a) VALUES (11), (12), (13)
INSERT INTO t VALUES (DEFAULT, 5, 'x')
INSERT INTO t (id, a) VALUES (1, 5)
INSERT IGNORE INTO t (id, a) VALUES (1, 5), (NULL, 6)
INSERT INTO t (id, a) VALUES (2, 5) ON DUPLICATE KEY UPDATE id = LAST_INSERT_ID(id), a = 6
INSERT INTO t (a) SELECT a FROM u
INSERT INTO u VALUES (10, 1000, 'abcdef')
INSERT INTO u (id) VALUES (11)
REPLACE INTO u VALUES (2, 3, 'c')
UPDATE t SET a = a + 1
UPDATE t SET a = 7 WHERE id = 2
UPDATE t SET id = LAST_INSERT_ID(id + 100) WHERE id = 3
UPDATE u SET b = 'toolong'
DELETE FROM t WHERE id > 2
DELETE FROM u
TRUNCATE u
INSERT INTO watched VALUES (3)
INSERT INTO t (id, a) VALUES (70, 5)
SELECT LAST_INSERT_ID()
SELECT LAST_INSERT_ID(), @@identity, @@last_insert_id
SELECT LAST_INSERT_ID(12)
SELECT * FROM t WHERE id IS NULL
SELECT * FROM t ORDER BY id
SELECT id, a FROM t ORDER BY id LIMIT 2
SELECT * FROM u ORDER BY id
SELECT COUNT(*) FROM t
SELECT ROW_COUNT()
SELECT ROW_COUNT(), 1 AS one
DO 1
DO LAST_INSERT_ID(33)
SELECT 1
SELECT 'a' UNION SELECT 'b' ORDER BY 1
CREATE TABLE IF NOT EXISTS x (id INT)
DROP TABLE IF EXISTS x
SELECT * FROM x
SHOW CREATE TABLE t
ALTER TABLE t COMMENT ''
EXPLAIN SELECT 1
"""

LEFTOVERS = """
SELECT CAST('x' AS SIGNED)
SELECT CAST('x' AS SIGNED), CAST('y' AS SIGNED), 1/0
SELECT * FROM nowhere
SELECT nothing
SELEC 1
SELECT 1/0
SHOW WARNINGS
SHOW WARNINGS LIMIT 1
SHOW WARNINGS LIMIT 1, 5
SHOW ERRORS
SHOW COUNT(*) WARNINGS
SHOW COUNT(*) ERRORS
SELECT @@warning_count
SELECT @@warning_count, @@error_count, ROW_COUNT(), FOUND_ROWS()
GET DIAGNOSTICS @n = NUMBER, @r = ROW_COUNT
GET DIAGNOSTICS CONDITION 1 @s = RETURNED_SQLSTATE, @e = MYSQL_ERRNO, @m = MESSAGE_TEXT
SELECT @n, @r, @e, @s = '42S02', LENGTH(@m)
SELECT SQL_CALC_FOUND_ROWS id FROM t LIMIT 1
SELECT FOUND_ROWS()
SELECT id FROM t
SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'told'
SIGNAL SQLSTATE '01000' SET MESSAGE_TEXT = 'warned'
DROP TABLE IF EXISTS nowhere
SELECT 1 WHERE 0
KILL 999999999
"""

TRANSACTIONS = """
BEGIN
START TRANSACTION
START TRANSACTION READ ONLY
START TRANSACTION WITH CONSISTENT SNAPSHOT
COMMIT
ROLLBACK
COMMIT AND CHAIN
ROLLBACK AND CHAIN
SET autocommit = 0
SET autocommit = 1
SET autocommit = OFF
SET completion_type = 1
SET completion_type = 0
SAVEPOINT s
ROLLBACK TO SAVEPOINT s
RELEASE SAVEPOINT s
SET TRANSACTION ISOLATION LEVEL SERIALIZABLE
SET TRANSACTION READ ONLY
SET TRANSACTION ISOLATION LEVEL READ COMMITTED, READ WRITE
SET SESSION TRANSACTION ISOLATION LEVEL READ UNCOMMITTED
SET SESSION TRANSACTION READ ONLY
SET SESSION TRANSACTION READ WRITE
INSERT INTO t (a) VALUES (77)
UPDATE u SET a = 9 WHERE id = 1
SELECT COUNT(*) FROM t FOR UPDATE
SELECT COUNT(*) FROM u
SELECT @@autocommit
"""

HOLDING = """
CREATE TEMPORARY TABLE tmp (id INT AUTO_INCREMENT PRIMARY KEY, v INT)
CREATE TEMPORARY TABLE IF NOT EXISTS tmp (id INT)
CREATE TEMPORARY TABLE u (hidden INT)
INSERT INTO tmp (v) VALUES (1), (2)
SELECT * FROM tmp
DROP TEMPORARY TABLE tmp
DROP TEMPORARY TABLE IF EXISTS tmp, u
DROP TABLE tmp
ALTER TABLE tmp RENAME TO tmp2
DROP TABLE IF EXISTS tmp2
SELECT GET_LOCK('{lock}', 0)
SELECT GET_LOCK('{lock} 2', 0), GET_LOCK('{lock}', 1)
SELECT RELEASE_LOCK('{lock}')
DO RELEASE_LOCK('{lock} 2')
SELECT RELEASE_ALL_LOCKS()
SELECT IS_FREE_LOCK('{lock}'), IS_USED_LOCK('{lock} 2') IS NULL
SELECT IS_USED_LOCK('{lock}') = CONNECTION_ID()
LOCK TABLES t WRITE, u READ
LOCK TABLES t READ
UNLOCK TABLES
HANDLER t OPEN
HANDLER t OPEN AS h
HANDLER t READ FIRST
HANDLER h READ NEXT
HANDLER h CLOSE
HANDLER t CLOSE
PREPARE p FROM 'SELECT ?, @a, DATABASE()'
PREPARE p FROM 'INSERT INTO t (a) VALUES (?)'
PREPARE p2 FROM 'SET group_concat_max_len = 8'
PREPARE p3 FROM 'SELECT CAST(1 AS SIGNED), FOUND_ROWS()'
PREPARE broken FROM 'SELEC'
EXECUTE p USING @a
EXECUTE p2
EXECUTE p3
EXECUTE nobody
DEALLOCATE PREPARE p
DROP PREPARE p2
DEALLOCATE PREPARE p3
XA START '{lock}'
XA END '{lock}'
XA ROLLBACK '{lock}'
SELECT CONNECTION_ID()
SET ROLE NONE
SET ROLE DEFAULT
"""

ROUTINES = """
CALL sets()
CALL tells(5)
CALL counts(@n)
CALL warns()
CALL begins()
CALL inserts()
CALL prepares()
CALL makes()
CALL nobody()
SELECT * FROM made
EXECUTE of_procedure
SELECT doubled(4)
SELECT changes(), 2/3
SELECT @of_procedure, @of_function, @@div_precision_increment, @n
SELECT 1; SELECT 2
SET @a = 1; SELECT @a; SET group_concat_max_len = 11
SELECT 1; SELEC; SELECT 3
INSERT INTO t (a) VALUES (1); SELECT LAST_INSERT_ID(); SELECT ROW_COUNT()
BEGIN; INSERT INTO t (a) VALUES (9)
SELECT 1; COMMIT
USE {other}; SELECT DATABASE()
SELECT /*!50000 1 + */ 1
SELECT /*! @a := */ 4
SET /*!40101 sql_mode = 'ANSI_QUOTES' */
SELECT /* a comment; SET @a = 1 */ 1 -- another
SELECT 1 # a third
"""

OF_MYSQL = """
SELECT /*+ SET_VAR(div_precision_increment = 2) */ 1/7
SET PERSIST_ONLY nonsense = 1
SET SESSION session_track_schema = OFF
SET session_track_system_variables = '*'
SET session_track_state_change = 1
TABLE u ORDER BY id
VALUES ROW(1, 2)
LOCK INSTANCE FOR BACKUP
"""

OF_MARIADB = """
SET STATEMENT max_statement_time = 5, div_precision_increment = 2 FOR SELECT 1/7
SET session_track_schema = OFF
SET session_track_system_variables = 'sql_mode,time_zone'
SET session_track_state_change = 1
INSERT INTO t (a) VALUES (5) RETURNING id
EXECUTE IMMEDIATE 'SELECT 5'
EXECUTE IMMEDIATE CONCAT('SET @a = ', '6')
BEGIN NOT ATOMIC SET @a = 8; END
VALUES (1, 2)
"""

PREPARED = {
    "one": "SELECT ?, ? IS NULL",
    "two": "SELECT id, a FROM t WHERE id > ? ORDER BY id",
    "three": "INSERT INTO t (a, b) VALUES (?, ?)",
    "four": "SELECT @@sql_mode, DATABASE(), LAST_INSERT_ID()",
    "five": "SET group_concat_max_len = 22",
    "six": "SELECT SQL_CALC_FOUND_ROWS id FROM t LIMIT 1",
    "seven": "SELECT FOUND_ROWS(), ROW_COUNT()",
    "eight": "SELECT CAST(? AS SIGNED)",
    "nine": "CALL tells(?)",
    "ten": "SELECT nothing",
    "eleven": "UPDATE u SET a = ? WHERE id = ?",
    "twelve": "SHOW WARNINGS",
}
