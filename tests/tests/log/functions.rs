//! `event-store-schema/sql/functions` says what the functions of a migrated database are.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use system_tests::house::House;
use tokio_postgres::Transaction;

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../event-store-schema/sql/functions");

/// Every function of the log's schemas: its name, and each of its signatures with its whole definition.
type Functions = BTreeMap<String, BTreeMap<String, String>>;

const FUNCTIONS: &str = "
    SELECT format('%s.%s', n.nspname, p.proname), p.oid::regprocedure::text, pg_get_functiondef(p.oid)
    FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
    WHERE n.nspname IN ('log', 'keys', 'audit')";

async fn functions(transaction: &Transaction<'_>) -> Functions {
    let mut functions = Functions::new();
    for row in transaction.query(FUNCTIONS, &[]).await.unwrap() {
        let (name, signature, definition): (String, String, String) = (row.get(0), row.get(1), row.get(2));
        functions.entry(name).or_default().insert(signature, definition);
    }
    functions
}

/// The statements in the folder, by the names of their files.
fn files() -> BTreeMap<String, String> {
    let paths = fs::read_dir(Path::new(FOLDER)).unwrap().map(|entry| entry.unwrap().path());
    let statements = paths.filter(|path| path.extension().is_some_and(|extension| extension == "sql"));
    let named = |path: &Path| path.file_stem().unwrap().to_str().unwrap().to_owned();
    statements.map(|path| (named(&path), fs::read_to_string(&path).unwrap())).collect()
}

#[tokio::test]
async fn each_function_of_the_migrated_database_is_the_one_in_its_file() {
    let house = House::new().await;
    let mut owner = house.owner_client().await;
    let migrated = functions(&owner.transaction().await.unwrap()).await;
    let files = files();
    let (names, stems): (Vec<_>, Vec<_>) = (migrated.keys().collect(), files.keys().collect());
    assert_eq!(names, stems, "left: functions, right: files");
    for (name, statement) in &files {
        let transaction = owner.transaction().await.unwrap();
        // Without the migrated function, so that a file that defines nothing, or another function, is found.
        for signature in migrated[name].keys() {
            transaction.batch_execute(&format!("DROP FUNCTION {signature} CASCADE")).await.unwrap();
        }
        transaction.batch_execute(statement).await.unwrap();
        let defined = functions(&transaction).await;
        transaction.rollback().await.unwrap();
        assert_eq!(defined.get(name), migrated.get(name), "sql/functions/{name}.sql is not what the migrations made");
        assert_eq!(defined, migrated, "sql/functions/{name}.sql defines more than its function");
    }
}
