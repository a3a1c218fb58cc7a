-- Changes: one event, whole
-- All columns of an event; `--format cloudtrail` prints the record as AWS wrote it.
-- $id text: its eventID
SELECT * FROM cloudtrail WHERE eventID = $id
