//! Headers that operations declare together. The library declares one parameter for each argument of a handler. So
//! [`Asked`](super::received::Asked) declares one parameter that stands for all its headers, and [`expanded`] puts the
//! headers in its place, before anything else reads the declarations.

use std::marker::PhantomData;

use poem::http::{Extensions, HeaderMap};
use poem_openapi::error::ParseParamError;
use poem_openapi::registry::{MetaApi, MetaOperationParam, MetaParamIn, MetaSchema, MetaSchemaRef};
use poem_openapi::types::{ParseError, ParseFromParameter, Type};

/// The `format` of the schema that stands for several headers.
const STAND_IN: &str = "medicalpro-headers";

/// The headers that are given, of those that an operation declares, each by its type.
pub type Given = Extensions;

/// A header that operations can declare.
pub trait RequestHeader: ParseFromParameter + Clone + 'static {
    /// Its name.
    const HEADER: &'static str;
    /// What the OpenAPI document says of it, whatever the operation.
    const MEANING: &'static str;
}

/// A header that must be given.
pub struct Required<H>(PhantomData<fn() -> H>);

/// A header as an operation declares it.
pub struct HeaderDeclaration {
    pub(super) name: &'static str,
    pub(super) meaning: &'static str,
    pub(super) required: bool,
    pub(super) schema: MetaSchemaRef,
}

/// One of the headers of a set.
pub trait DeclaredHeader {
    /// Its declaration.
    fn declaration() -> HeaderDeclaration;

    /// Reads it, if it is given.
    fn read(headers: &HeaderMap, given: &mut Given) -> Result<(), ParseParamError>;
}

impl<H: RequestHeader> DeclaredHeader for H {
    fn declaration() -> HeaderDeclaration {
        HeaderDeclaration { name: H::HEADER, meaning: H::MEANING, required: false, schema: H::schema_ref() }
    }

    fn read(headers: &HeaderMap, given: &mut Given) -> Result<(), ParseParamError> {
        let parsed = Option::<H>::parse_from_parameters(values(headers, H::HEADER));
        let header = parsed.map_err(|error| refused(H::HEADER, error))?;
        if let Some(header) = header {
            given.insert(header);
        }
        Ok(())
    }
}

impl<H: RequestHeader> DeclaredHeader for Required<H> {
    fn declaration() -> HeaderDeclaration {
        HeaderDeclaration { required: true, ..H::declaration() }
    }

    fn read(headers: &HeaderMap, given: &mut Given) -> Result<(), ParseParamError> {
        let parsed = H::parse_from_parameters(values(headers, H::HEADER));
        given.insert(parsed.map_err(|error| refused(H::HEADER, error))?);
        Ok(())
    }
}

fn values<'a>(headers: &'a HeaderMap, name: &str) -> impl Iterator<Item = &'a str> {
    headers.get_all(name).iter().filter_map(|value| value.to_str().ok())
}

fn refused<T: Type>(name: &'static str, error: ParseError<T>) -> ParseParamError {
    ParseParamError { name, reason: error.into_message() }
}

/// The headers that an operation declares: a tuple of them.
pub trait RequestHeaders: Send + Sync + 'static {
    /// Their declarations.
    fn declarations() -> Vec<HeaderDeclaration>;

    /// Reads those that are given.
    fn read(headers: &HeaderMap, given: &mut Given) -> Result<(), ParseParamError>;
}

macro_rules! header_sets {
    ($(($($header:ident),*))+) => {
        $(
            impl<$($header: DeclaredHeader + Send + Sync + 'static),*> RequestHeaders for ($($header,)*) {
                fn declarations() -> Vec<HeaderDeclaration> {
                    vec![$($header::declaration()),*]
                }

                fn read(_headers: &HeaderMap, _given: &mut Given) -> Result<(), ParseParamError> {
                    $($header::read(_headers, _given)?;)*
                    Ok(())
                }
            }
        )+
    };
}

header_sets! { () (A) (A, B) (A, B, C) (A, B, C, D) }

/// The schema of the parameter that stands for these headers.
pub(super) fn stand_in<H: RequestHeaders>() -> MetaSchemaRef {
    let mut schema = MetaSchema::new_with_format("object", STAND_IN);
    for HeaderDeclaration { name, meaning, required, schema: own } in H::declarations() {
        schema.required.extend(required.then_some(name));
        let described = MetaSchema { title: Some(meaning.to_owned()), all_of: vec![own], ..MetaSchema::new("") };
        schema.properties.push((name, MetaSchemaRef::Inline(Box::new(described))));
    }
    MetaSchemaRef::Inline(Box::new(schema))
}

/// The declarations, with the headers of each operation in the place of the parameter that stands for them.
pub(super) fn expanded(mut apis: Vec<MetaApi>) -> Vec<MetaApi> {
    let paths = apis.iter_mut().flat_map(|api| &mut api.paths);
    for operation in paths.flat_map(|path| &mut path.operations) {
        operation.params = std::mem::take(&mut operation.params).into_iter().flat_map(headers_of).collect();
    }
    apis
}

fn headers_of(param: MetaOperationParam) -> Vec<MetaOperationParam> {
    let schema = match param.schema {
        MetaSchemaRef::Inline(schema) if schema.format == Some(STAND_IN) => schema,
        schema => return vec![MetaOperationParam { schema, ..param }],
    };
    let MetaSchema { properties, required, .. } = *schema;
    let headers = properties.into_iter().filter_map(|(name, described)| {
        let MetaSchemaRef::Inline(described) = described else { return None };
        let MetaSchema { title, mut all_of, .. } = *described;
        Some(MetaOperationParam {
            name: name.to_owned(),
            schema: all_of.pop()?,
            in_type: MetaParamIn::Header,
            description: title,
            required: required.contains(&name),
            deprecated: false,
            explode: true,
            style: None,
        })
    });
    headers.collect()
}
