SELECT request, outcome, stream, version, first_position, last_position, recorded, kind, starts, ends
FROM log.append(
    $1::uuid[], $2::text[], $3::bytea[],
    $4::integer[], $5::text[], $6::bigint[],
    $7::integer[], $8::uuid[], $9::text[], $10::bigint[],
    $11::text[], $12::integer[], $13::uuid[], $14::uuid[],
    $15::timestamptz[], $16::text[], $17::bytea[], $18::text[],
    $19::integer[], $20::text[], $21::text[],
    $22::integer[], $23::text[], $24::text[], $25::uuid[], $26::bytea[], $27::boolean[],
    $28::integer[], $29::text[], $30::text[], $31::uuid[], $32::timestamptz[], $33::timestamptz[],
    $34::integer[], $35::uuid[], $36::uuid[], $37::text[], $38::bytea[]
)
