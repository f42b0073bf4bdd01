//! How items, attributes and imports are told apart in a stream of tokens.

use std::ops::RangeInclusive;

use proc_macro2::{Delimiter, Group, LineColumn, TokenTree};

/// What brings a name into a module: `use path as name`, or `use path::*` without a name.
#[derive(Debug)]
pub struct Import {
    pub name: Option<String>,
    pub path: Vec<String>,
}

pub fn is_sign(token: &TokenTree, sign: char) -> bool {
    matches!(token, TokenTree::Punct(punct) if punct.as_char() == sign)
}

/// Whether the group before `behind` follows a `#` or a `#!`.
pub fn in_attribute_sign(tokens: &[TokenTree], behind: &[TokenTree]) -> bool {
    let before = &tokens[..tokens.len() - behind.len() - 1];
    match before {
        [.., sign, inner] if is_sign(inner, '!') => is_sign(sign, '#'),
        [.., sign] => is_sign(sign, '#'),
        [] => false,
    }
}

/// The attributes before an item.
pub fn attributes(tokens: &[TokenTree]) -> impl Iterator<Item = Group> {
    let before = &tokens[..tokens.len() - without_attributes(tokens).len()];
    before.iter().filter_map(|token| match token {
        TokenTree::Group(group) => Some(group.clone()),
        _ => None,
    })
}

pub fn without_attributes(mut tokens: &[TokenTree]) -> &[TokenTree] {
    while let [sign, behind @ ..] = tokens
        && is_sign(sign, '#')
    {
        tokens = match behind {
            [inner, TokenTree::Group(_), behind @ ..] if is_sign(inner, '!') => behind,
            [TokenTree::Group(_), behind @ ..] => behind,
            _ => break,
        };
    }
    tokens
}

pub fn without_visibility(tokens: &[TokenTree]) -> (bool, &[TokenTree]) {
    match tokens {
        [TokenTree::Ident(word), TokenTree::Group(group), rest @ ..]
            if word == "pub" && group.delimiter() == Delimiter::Parenthesis =>
        {
            (true, rest)
        }
        [TokenTree::Ident(word), rest @ ..] if word == "pub" => (true, rest),
        _ => (false, tokens),
    }
}

/// Whether an item ends with its `;` alone: braces are a part of it.
pub fn is_value_or_import(tokens: &[TokenTree]) -> bool {
    let (_, rest) = without_visibility(without_attributes(tokens));
    match rest {
        [TokenTree::Ident(word), TokenTree::Ident(next), ..] if word == "const" => next != "fn" && next != "async",
        [TokenTree::Ident(word), ..] => word == "use" || word == "static" || word == "type",
        _ => false,
    }
}

/// `cfg(test)`, and nothing less: what tests and the product share is the product's.
pub fn is_for_tests(attribute: &Group) -> bool {
    let text: String = attribute.stream().to_string().split_whitespace().collect();
    text == "cfg(test)" || text == "test"
}

pub fn lines_of(tokens: &[TokenTree]) -> RangeInclusive<usize> {
    let line = |place: LineColumn| place.line;
    let start = tokens.first().map_or(1, |token| line(token.span().start()));
    let end = tokens.last().map_or(start, |token| line(token.span().end()));
    start..=end
}

/// The name that an item defines in its module.
pub fn defined_name(tokens: &[TokenTree]) -> Option<String> {
    const KINDS: [&str; 9] = ["fn", "struct", "enum", "union", "trait", "type", "const", "static", "macro_rules"];
    const BEFORE: [&str; 4] = ["const", "async", "unsafe", "extern"];
    for (place, token) in tokens.iter().enumerate() {
        match (token, tokens.get(place + 1)) {
            (TokenTree::Ident(kind), Some(TokenTree::Ident(name))) if KINDS.iter().any(|known| kind == known) => {
                // `const fn name`, and the like: the name comes later.
                if !KINDS.iter().chain(&BEFORE).any(|word| name == word) {
                    return Some(name.to_string());
                }
            }
            (TokenTree::Ident(kind), Some(sign)) if kind == "macro_rules" && is_sign(sign, '!') => {
                return tokens.get(place + 2).map(ToString::to_string);
            }
            (TokenTree::Ident(word), _) if BEFORE.iter().any(|known| word == known) => {}
            (TokenTree::Literal(_), _) => {}
            _ => return None,
        }
    }
    None
}

pub fn read_use_tree(tokens: &[TokenTree], before: &[String], imports: &mut Vec<Import>) {
    for part in tokens.split(|token| is_sign(token, ',')) {
        let mut path = before.to_vec();
        let mut name = None;
        let mut words = part.iter().filter(|token| !is_sign(token, ':') && !is_sign(token, ';'));
        while let Some(token) = words.next() {
            match token {
                TokenTree::Ident(word) if word == "as" => name = words.next().map(ToString::to_string),
                // `use a::{self}` brings in `a` itself.
                TokenTree::Ident(word) if word == "self" && !path.is_empty() => {}
                TokenTree::Ident(word) => path.push(word.to_string()),
                TokenTree::Group(group) => {
                    let inside: Vec<_> = group.stream().into_iter().collect();
                    read_use_tree(&inside, &path, imports);
                    path.clear();
                }
                _ => {
                    imports.push(Import { name: None, path: std::mem::take(&mut path) });
                }
            }
        }
        if let Some(last) = path.last() {
            imports.push(Import { name: Some(name.unwrap_or_else(|| last.clone())), path });
        }
    }
}
