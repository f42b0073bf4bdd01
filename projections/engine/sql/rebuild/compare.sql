-- {id} names a row t by its primary key, {table} is the table and {schema} the schema of the copy. Rows are compared by
-- their text, because not every type can be compared. Both tables are of the same DDL, column by column.
WITH live AS MATERIALIZED (
    SELECT {id} AS id, md5(t::text) AS content FROM read_model.{table} t
), rebuilt AS MATERIALIZED (
    SELECT {id} AS id, md5(t::text) AS content FROM {schema}.{table} t
), only_live AS MATERIALIZED (
    TABLE live EXCEPT ALL TABLE rebuilt
), only_rebuilt AS MATERIALIZED (
    TABLE rebuilt EXCEPT ALL TABLE live
)
SELECT (SELECT count(*) FROM only_live) AS only_live, (SELECT count(*) FROM only_rebuilt) AS only_rebuilt,
       ARRAY(SELECT id FROM only_live UNION SELECT id FROM only_rebuilt ORDER BY id LIMIT {examples}) AS examples
