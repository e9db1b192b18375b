# What every driver runs, one statement or group of statements a paragraph, in this order.
# "#mysql" or "#mariadb" on the line before: only there. Nothing here may depend on time or chance.

DROP DATABASE IF EXISTS test_story

SHOW WARNINGS

CREATE DATABASE test_story CHARACTER SET utf8mb4

DROP DATABASE IF EXISTS test_story_two

CREATE DATABASE test_story_two CHARACTER SET latin1

USE test_story

SELECT DATABASE(), SCHEMA(), USER(), CURRENT_USER()

# Types

CREATE TABLE every_type (
  id INT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
  a TINYINT, b SMALLINT, c MEDIUMINT, d INT, e BIGINT, f BIGINT UNSIGNED,
  g FLOAT, h DOUBLE, i DECIMAL(20,6), j BIT(9), k YEAR, l DATE, m TIME, n TIME(6),
  o DATETIME, p DATETIME(6), q TIMESTAMP NULL, r CHAR(10), s VARCHAR(300), t BINARY(4),
  u VARBINARY(300), v TINYTEXT, w TEXT, x MEDIUMTEXT, y LONGTEXT, z LONGBLOB,
  aa ENUM('red','green'), ab SET('x','y','z'), ac JSON, ad GEOMETRY)

INSERT INTO every_type (a,b,c,d,e,f,g,h,i,j,k,l,m,n,o,p,q,r,s,t,u,v,w,x,y,z,aa,ab,ac) VALUES
  (-128,-32768,-8388608,-2147483648,-9223372036854775808,18446744073709551615,1.5,2.25,
   12345678901234.567891,b'101010101',2024,'2024-02-29','-838:59:59','12:34:56.789012',
   '2024-02-29 23:59:59','2024-02-29 23:59:59.999999','2024-02-29 12:00:00','grün','日本語 😀',
   0x00FF00FF,0xDEADBEEF,'tiny','text','medium','long',0x000102FEFF,'green','x,z','{"a": [1, null, "ü"]}')

INSERT INTO every_type () VALUES ()

INSERT INTO every_type (a, s) VALUES (0, ''), (1, 'one'), (NULL, REPEAT('ab', 150))

SELECT LAST_INSERT_ID()

SELECT * FROM every_type ORDER BY id

SELECT id, a+1 AS plus, CONCAT(s, 'x') FROM every_type WHERE a IS NOT NULL ORDER BY id

SELECT NULL, 1, -1, 1.5, 1e100, 'text', x'00ff', DATE '2020-01-01', TRUE, NOT NULL

SELECT 1 WHERE 1 = 0

SELECT COUNT(*), SUM(a), AVG(d), MAX(s), GROUP_CONCAT(id ORDER BY id) FROM every_type

SELECT ST_AsText(POINT(1, 2)), HEX(ST_AsBinary(POINT(1, 2)))

#mysql
SELECT JSON_OBJECT('a', 1, 'b', JSON_ARRAY(1, 2)), CAST('[1]' AS JSON)

# What a statement leaves to be read

UPDATE every_type SET a = 5 WHERE id <= 2

SELECT ROW_COUNT() /* others may come between */

UPDATE every_type SET a = 5 WHERE id <= 2

DELETE FROM every_type WHERE id = 4

INSERT INTO every_type (id, a) VALUES (1, 1) ON DUPLICATE KEY UPDATE a = a + 1

REPLACE INTO every_type (id, a) VALUES (2, 77)

INSERT INTO every_type (id, a) VALUES (100, 1)

SELECT LAST_INSERT_ID() /* an id that was given */

INSERT INTO every_type (a) VALUES (2)

SELECT LAST_INSERT_ID(), @@last_insert_id, @@identity

# Insert ids that a statement sets

SELECT LAST_INSERT_ID(4711)

SELECT LAST_INSERT_ID()

UPDATE every_type SET a = LAST_INSERT_ID(a + 1) WHERE id = 1

SELECT LAST_INSERT_ID()

# Counted rows

SELECT SQL_CALC_FOUND_ROWS id FROM every_type ORDER BY id LIMIT 2

SELECT FOUND_ROWS()

SELECT 1 UNION SELECT 2 UNION SELECT 3

SELECT FOUND_ROWS() /* others may come between */

# Warnings

INSERT IGNORE INTO every_type (id, a, r) VALUES (1, 1000, 'far too long for it'), (200, 1000, 'x')

SHOW WARNINGS

SHOW COUNT(*) WARNINGS

SELECT @@warning_count, @@error_count

SHOW WARNINGS LIMIT 1, 1

SELECT CAST('12abc' AS SIGNED), 1/0, CAST('2024-99-99' AS DATE)

SHOW WARNINGS

SELECT 'no warning'

SHOW WARNINGS /* of a statement before the last */

SELECT * FROM nowhere

SHOW ERRORS /* others may come between */

SHOW COUNT(*) ERRORS /* others may come between */

SELECT @@error_count /* others may come between */

# Diagnostics

SELECT 1/0

GET DIAGNOSTICS @rows = ROW_COUNT, @conditions = NUMBER

SELECT @rows, @conditions

SELECT * FROM nowhere_else

GET DIAGNOSTICS CONDITION 1 @state = RETURNED_SQLSTATE, @number = MYSQL_ERRNO, @text = MESSAGE_TEXT

SELECT @state, @number, @text

# Errors

SELEC 1

# Errors of statements

SELECT nothing FROM every_type

INSERT INTO every_type (id) VALUES (1)

INSERT INTO every_type (r) VALUES ('far too long for this column')

INSERT INTO every_type (aa) VALUES ('blue')

CREATE TABLE every_type (a INT)

DROP TABLE nowhere

SELECT (SELECT 1 UNION SELECT 2)

# Signals

SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'grüße', MYSQL_ERRNO = 5000

SIGNAL SQLSTATE '01000' SET MESSAGE_TEXT = 'a warning'

SHOW WARNINGS

SELECT * FROM mysql.user

# Refused

USE nowhere

SELECT DATABASE()

KILL 4294967290

KILL QUERY CONNECTION_ID()

SELECT 'still here'

# Refused settings

SET no_such_variable = 1

SET GLOBAL max_connections = 1

EXPLAIN SELECT

SELECT BENCHMARK(1, 'unfinished

# Charset and collation

SELECT @@character_set_client, @@character_set_connection, @@character_set_results, @@collation_connection

SET NAMES latin1

SELECT @@character_set_client, @@character_set_connection, @@character_set_results, @@collation_connection

SELECT 'plain', COLLATION('plain'), LENGTH('plain')

SET NAMES utf8mb4 COLLATE utf8mb4_bin

SELECT @@collation_connection, COLLATION('x'), 'A' = 'a'

SET CHARACTER SET utf8mb4

SELECT @@character_set_client, @@character_set_connection, @@character_set_results, @@collation_connection

SET collation_connection = 'utf8mb4_general_ci'

SELECT COLLATION('x'), 'A' = 'a'

SET character_set_results = NULL

SELECT 'no conversion', @@character_set_results

SET character_set_results = utf8mb4

SET NAMES DEFAULT

SET NAMES utf8mb4

SELECT @@collation_connection

SELECT CHARSET('x'), _latin1'x', N'national', CONVERT('ü' USING latin1) = 'ü'

SET NAMES nonsense

SET NAMES utf8mb4

# Schemas

USE test_story_two

SELECT DATABASE(), @@character_set_database, @@collation_database

CREATE TABLE other (a VARCHAR(10))

SHOW TABLES

SHOW CREATE TABLE other

SELECT COUNT(*) FROM test_story.every_type

USE test_story

SHOW TABLES

SHOW COLUMNS FROM every_type

DESCRIBE test_story_two.other

SHOW CREATE TABLE every_type

# Variables

SET SESSION sql_mode = ''

INSERT INTO every_type (r) VALUES ('far too long for this column')

SHOW WARNINGS

SELECT @@sql_mode

SET SESSION sql_mode = 'ANSI_QUOTES,PIPES_AS_CONCAT'

SELECT "id", 'a' || 'b' FROM every_type ORDER BY 1 LIMIT 1

SET SESSION sql_mode = 'NO_BACKSLASH_ESCAPES'

SELECT 'a\', 'b'

SET SESSION sql_mode = DEFAULT

SET time_zone = '+05:30'

SELECT @@time_zone, FROM_UNIXTIME(0)

SET @@session.time_zone = 'SYSTEM'

SET timestamp = 86400

SELECT UNIX_TIMESTAMP(), UTC_TIMESTAMP()

SET timestamp = DEFAULT

SET SESSION group_concat_max_len = 5, SESSION sort_buffer_size = 100000, @mixed = 'both'

SHOW WARNINGS

SELECT @@group_concat_max_len, @mixed, GROUP_CONCAT(id) FROM every_type

SHOW WARNINGS

SET group_concat_max_len = DEFAULT

SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED

SHOW VARIABLES LIKE 't%_isolation'

SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ

SHOW VARIABLES WHERE Variable_name IN ('autocommit', 'sql_mode', 'character_set_client')

SET SESSION wait_timeout = 1234

SELECT @@wait_timeout, @@autocommit, @@foreign_key_checks

SET foreign_key_checks = 0, unique_checks = 0

SELECT @@foreign_key_checks, @@unique_checks

SET foreign_key_checks = 1, unique_checks = 1

# A limit on selects

SET sql_select_limit = 1

SELECT id FROM every_type ORDER BY id

SET sql_select_limit = DEFAULT

# The next insert id

SET insert_id = 5000

INSERT INTO every_type (a) VALUES (3)

SELECT LAST_INSERT_ID()

SET max_allowed_packet = 1024

#mariadb
SET STATEMENT max_statement_time = 5 FOR SELECT @@max_statement_time

#mysql
SELECT /*+ SET_VAR(sort_buffer_size = 131072) */ @@sort_buffer_size

# User variables

SET @a = 1, @b := 'text', @c = NULL, @d = 1.50, @e = x'00FF', @f = 2.5e0

SELECT @a, @b, @c, @d, @e, @f, @never

# Reading and setting in one

SET @a = 1

SELECT @a := @a + 1

SELECT @a

SELECT id, a INTO @id, @value FROM every_type WHERE id = 1

SELECT @id, @value, @`quoted name`

SELECT 1, 2 INTO @only_one

SET @`quoted name` = 'q'

SELECT @'quoted name', @"quoted name"

# Temporary tables

CREATE TEMPORARY TABLE scratch (a INT PRIMARY KEY, b VARCHAR(20))

INSERT INTO scratch VALUES (1, 'eins'), (2, 'zwei')

SELECT * FROM scratch ORDER BY a

# A temporary table that hides another

CREATE TEMPORARY TABLE every_type (shadow INT)

SELECT COUNT(*) FROM every_type

DROP TEMPORARY TABLE every_type

SELECT COUNT(*) > 1 FROM every_type

# More of the temporary table: it is gone

SELECT * FROM scratch ORDER BY a

CREATE TEMPORARY TABLE scratch (a INT PRIMARY KEY, b VARCHAR(20))

INSERT INTO scratch VALUES (1, 'eins')

ALTER TABLE scratch ADD c INT DEFAULT 3

SELECT * FROM scratch ORDER BY a

TRUNCATE scratch

DROP TABLE scratch

SELECT * FROM scratch

# Transactions

CREATE TABLE money (id INT PRIMARY KEY, amount INT) ENGINE=InnoDB

START TRANSACTION

INSERT INTO money VALUES (1, 100), (2, 200)

SELECT * FROM money ORDER BY id

ROLLBACK

SELECT * FROM money ORDER BY id

BEGIN

INSERT INTO money VALUES (1, 100)

SAVEPOINT one

INSERT INTO money VALUES (2, 200)

SAVEPOINT two

INSERT INTO money VALUES (2, 300)

SELECT * FROM nowhere

ROLLBACK TO SAVEPOINT one

RELEASE SAVEPOINT two

RELEASE SAVEPOINT one

COMMIT

SELECT * FROM money ORDER BY id

# Ways to begin and to end

START TRANSACTION READ ONLY

INSERT INTO money VALUES (3, 1)

COMMIT AND CHAIN

INSERT INTO money VALUES (3, 1)

COMMIT AND NO CHAIN NO RELEASE

START TRANSACTION WITH CONSISTENT SNAPSHOT

SELECT * FROM money ORDER BY id

CREATE TABLE implicit_commit (a INT)

ROLLBACK

# Savepoints outside

SAVEPOINT outside

ROLLBACK TO SAVEPOINT outside

# The next transaction

SET TRANSACTION ISOLATION LEVEL SERIALIZABLE

SELECT * FROM money ORDER BY id

SET TRANSACTION READ ONLY

START TRANSACTION

INSERT INTO money VALUES (4, 1)

SET TRANSACTION READ WRITE

ROLLBACK

# Autocommit off

SET autocommit = 0

SELECT @@autocommit

INSERT INTO money VALUES (5, 500)

SELECT * FROM money ORDER BY id

ROLLBACK

SELECT * FROM money ORDER BY id

INSERT INTO money VALUES (6, 600)

COMMIT

INSERT INTO money VALUES (6, 600)

INSERT INTO money VALUES (7, 700)

SET autocommit = 1

SELECT * FROM money ORDER BY id

SET autocommit = OFF

SELECT @@autocommit

SET @@autocommit = ON

# XA

XA START 'story'

INSERT INTO money VALUES (8, 800)

COMMIT

XA END 'story'

XA PREPARE 'story'

XA COMMIT 'story'

# Rows locked

SELECT * FROM money FOR UPDATE

SELECT * FROM money LOCK IN SHARE MODE

BEGIN

SELECT * FROM money WHERE id = 1 FOR UPDATE

DROP TABLE implicit_commit

SELECT @@in_transaction

COMMIT

# Locks

SELECT GET_LOCK('story lock', 1), IS_USED_LOCK('story lock') = CONNECTION_ID(), IS_FREE_LOCK('story lock')

SELECT RELEASE_LOCK('story lock'), RELEASE_LOCK('story lock')

DO GET_LOCK('story lock one', 1), GET_LOCK('story lock two', 1)

SELECT RELEASE_ALL_LOCKS()

# Locked tables

LOCK TABLES money READ, every_type WRITE

SELECT COUNT(*) FROM money

INSERT INTO money VALUES (9, 900)

SELECT * FROM test_story_two.other

UNLOCK TABLES

SELECT COUNT(*) FROM test_story_two.other

# Handlers

HANDLER money OPEN AS h

HANDLER h READ FIRST

HANDLER h READ NEXT LIMIT 2

HANDLER h CLOSE

# Statements in text

PREPARE s FROM 'SELECT ? + ?, ?'

SET @one = 1, @two = 2, @three = 'drei'

EXECUTE s USING @one, @two, @three

EXECUTE s USING @one

DEALLOCATE PREPARE s

EXECUTE s USING @one, @two, @three

PREPARE s FROM 'INSERT INTO money VALUES (?, ?)'

SET @one = 10

EXECUTE s USING @one, @two

SELECT ROW_COUNT() /* others may come between */

DROP PREPARE s

PREPARE broken FROM 'SELEC'

#mariadb
EXECUTE IMMEDIATE 'SELECT ?, ?' USING 1, 'two'

# Programs

CREATE PROCEDURE several(IN a INT, OUT b INT, INOUT c VARCHAR(20))
BEGIN
  SELECT a, c;
  SELECT id FROM money ORDER BY id;
  INSERT INTO money VALUES (a, 1);
  SELECT 1/0;
  SET b = a * 2;
  SET c = CONCAT(c, '!');
  SET @from_procedure = 'seen';
END

SET @b = NULL, @c = 'hello'

CALL several(20, @b, @c)

SELECT @b, @c, @from_procedure

CALL several(20, @b, @c) /* and an error behind results */

SELECT 'after the error'

CALL several(1)

CREATE PROCEDURE silent() BEGIN SET @silent = 1; SET SESSION group_concat_max_len = 77; SET autocommit = 1; END

# A procedure that sets

CALL silent()

SELECT @silent, @@group_concat_max_len

SET group_concat_max_len = DEFAULT

# A procedure that begins

CREATE PROCEDURE opens() BEGIN START TRANSACTION; INSERT INTO money VALUES (30, 1); END

CALL opens()

ROLLBACK

SELECT COUNT(*) FROM money WHERE id = 30

# A procedure that leaves a table

CREATE PROCEDURE temporary_one() BEGIN CREATE TEMPORARY TABLE from_procedure (a INT); INSERT INTO from_procedure VALUES (1); END

CALL temporary_one()

SELECT * FROM from_procedure

DROP TEMPORARY TABLE from_procedure

# Functions, triggers, views

CREATE FUNCTION doubled(a INT) RETURNS INT DETERMINISTIC NO SQL RETURN a * 2

SELECT doubled(21)

CREATE FUNCTION remembers(a INT) RETURNS INT NO SQL BEGIN SET @remembered = a; RETURN a; END

SELECT remembers(5)

SELECT @remembered

CREATE TRIGGER doubling BEFORE INSERT ON money FOR EACH ROW SET NEW.amount = NEW.amount * 2, @trigger = NEW.amount

INSERT INTO money VALUES (40, 4)

SELECT amount, @trigger FROM money WHERE id = 40

DROP TRIGGER doubling

CREATE VIEW seen AS SELECT id FROM money WHERE id < 5

SELECT * FROM seen

# Of one server only, or shown

SHOW PROCEDURE STATUS WHERE Db = 'nowhere'

SHOW CREATE PROCEDURE silent

#mariadb
BEGIN NOT ATOMIC DECLARE x INT DEFAULT 5; SELECT x; SELECT x + 1; END

#mariadb
CREATE SEQUENCE numbers START WITH 10

#mariadb
SELECT NEXT VALUE FOR numbers, LASTVAL(numbers)

#mariadb
SELECT LASTVAL(numbers)

#mariadb
INSERT INTO money VALUES (50, 5), (51, 5) RETURNING id, amount + 1

# Several statements at once

SELECT 1; SELECT 2, 'zwei'; SELECT NULL

INSERT INTO money VALUES (60, 6); SELECT * FROM money WHERE id = 60; UPDATE money SET amount = 7 WHERE id = 60; SELECT ROW_COUNT()

SELECT 1; SELECT * FROM nowhere; SELECT 3 /* and an error behind results */

SET @several = 1; SELECT @several; SET NAMES utf8mb4; USE test_story_two; SELECT DATABASE()

SELECT DATABASE(); USE test_story

# Several statements and a transaction

BEGIN; INSERT INTO money VALUES (61, 6)

SELECT COUNT(*) FROM money WHERE id = 61; ROLLBACK; SELECT COUNT(*) FROM money WHERE id = 61

# Several that are one

SELECT 1; # a comment

SELECT 1;;

; SELECT 1

# Comments and odd looks

/* nothing */

-- nothing

SELECT /* inside */ 1 -- behind

SELECT /*! 1 + */ 1, /*!99999 broken */ 2

  ( SELECT 1 ) UNION ALL ( SELECT 2 ) ORDER BY 1

WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5) SELECT * FROM n

TABLE money

VALUES ROW(1, 'a'), ROW(2, 'b')

DO 1

SELECT "double \" quoted", 'it''s', `id` FROM money ORDER BY id LIMIT 1

# Administration

CHECK TABLE money

ANALYZE TABLE money

CHECKSUM TABLE money

SHOW DATABASES LIKE 'test\_story%'

SHOW INDEX FROM test_story_two.other

SHOW COLLATION LIKE 'utf8mb4_bin'

SHOW GRANTS

HELP 'nothing of that name'

SELECT SLEEP(0), VERSION() LIKE '%.%', CONNECTION_ID() > 0

FLUSH TABLES

RESET QUERY CACHE

SHOW MASTER STATUS

SHOW BINARY LOG STATUS

# Accounts

CREATE USER someone

SET PASSWORD FOR someone = 'x'

SET ROLE NONE

SELECT CURRENT_ROLE()

# Definitions

ALTER TABLE money ADD note VARCHAR(20) CHARACTER SET latin1 DEFAULT 'ä'

SELECT note, HEX(note) FROM money ORDER BY id LIMIT 1

RENAME TABLE money TO riches

SELECT COUNT(*) > 0 FROM riches

TRUNCATE TABLE riches

SELECT COUNT(*) FROM riches

DROP DATABASE test_story_two

DROP DATABASE test_story

SELECT DATABASE()

SHOW TABLES
