-- Makes Backstep's database and its user, as MariaDB's root: mariadb < setup.sql
-- Before that: put a password in place of CHANGE-ME, and the servers' address in place of localhost where they
-- run on other hosts. Then the servers' environment:
--   BACKSTEP_DB_URL=jdbc:mariadb://localhost/backstep
--   BACKSTEP_DB_USER=backstep
--   BACKSTEP_DB_PASSWORD_FILE=/etc/backstep/database.password

CREATE DATABASE IF NOT EXISTS backstep CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

CREATE USER IF NOT EXISTS 'backstep'@'localhost' IDENTIFIED BY 'CHANGE-ME';

-- All that it needs from day to day.
GRANT SELECT, INSERT, UPDATE, DELETE ON backstep.* TO 'backstep'@'localhost';

-- Needed by the first start and by the first one after an upgrade, which make and change the tables. May be taken
-- away between: REVOKE CREATE, ALTER, DROP, INDEX, REFERENCES, CREATE VIEW ON backstep.* FROM 'backstep'@'localhost';
GRANT CREATE, ALTER, DROP, INDEX, REFERENCES, CREATE VIEW ON backstep.* TO 'backstep'@'localhost';
