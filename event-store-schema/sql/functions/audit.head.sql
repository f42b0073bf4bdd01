-- The position of the last row of all practices.
CREATE OR REPLACE FUNCTION audit.head() RETURNS bigint
LANGUAGE sql STABLE
SECURITY DEFINER
SET search_path = pg_catalog
AS $$
    SELECT coalesce(max(a.position), 0) FROM audit.access a
$$;
