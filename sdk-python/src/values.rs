//! Values and points of Python objects, read in one pass and lent to the runtime.

use crate::error::{invalid, raised};
use enos_core::MAX_PAYLOAD;
use enos_core::json::MAX_DEPTH;
use enos_runtime::{Error, ErrorKind, Value};
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyDict, PyFloat, PyInt, PyList, PyString, PyTuple};
use std::cell::Cell;
use typed_arena::Arena;

/// A value with its quality (0 to 9), where the model has one.
#[pyclass(frozen, module = "enos_sdk")]
pub(crate) struct Point {
    /// The value.
    #[pyo3(get)]
    value: Py<PyAny>,
    /// Its quality; None where the model has none.
    #[pyo3(get)]
    quality: Option<u8>,
}

#[pymethods]
impl Point {
    #[classattr]
    #[pyo3(name = "__match_args__")]
    const MATCH_ARGS: (&'static str, &'static str) = ("value", "quality");

    #[new]
    #[pyo3(signature = (value, quality = None))]
    fn new(py: Python<'_>, value: Py<PyAny>, quality: Option<&Bound<'_, PyAny>>) -> PyResult<Self> {
        let quality = match quality {
            None => None,
            Some(given) => Some(given.extract().map_err(|_| {
                invalid(py, format!("the quality {given} does not fit. Give None, or 0 to 9."))
            })?),
        };
        Ok(Self { value, quality })
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        let value = self.value.bind(py).repr()?;
        Ok(match self.quality {
            Some(quality) => format!("Point({value}, quality={quality})"),
            None => format!("Point({value})"),
        })
    }

    fn __eq__(&self, py: Python<'_>, other: &Bound<'_, PyAny>) -> PyResult<bool> {
        let Ok(other) = other.cast::<Self>() else { return Ok(false) };
        let other = other.get();
        Ok(self.quality == other.quality && self.value.bind(py).eq(&other.value)?)
    }

    fn __hash__(&self, py: Python<'_>) -> PyResult<isize> {
        Ok(self.value.bind(py).hash()? ^ self.quality.map_or(-1, isize::from))
    }

    fn __reduce__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        (py.get_type::<Self>(), (self.value.clone_ref(py), self.quality)).into_pyobject(py)
    }
}

/// Room for what the values of one message refer to.
pub(crate) struct Room<'py> {
    /// Keeps every text alive: Python code that runs while others are read may drop it elsewhere.
    objects: Arena<Bound<'py, PyAny>>,
}

impl<'py> Room<'py> {
    pub(crate) fn new() -> Self {
        Self { objects: Arena::new() }
    }
}

/// Room for nested values.
pub(crate) struct Nested<'a> {
    values: Arena<Value<'a>>,
    fields: Arena<(&'a str, Value<'a>)>,
    count: Cell<usize>,
}

impl<'a> Nested<'a> {
    pub(crate) fn new() -> Self {
        // Most messages have none: one place of each, not the kilobyte that the arena would take.
        Self { values: Arena::with_capacity(1), fields: Arena::with_capacity(1), count: Cell::new(0) }
    }
}

/// Reads objects of one message into values that borrow from its room.
pub(crate) struct Reader<'a, 'py> {
    room: &'a Room<'py>,
    nested: &'a Nested<'a>,
}

impl<'a, 'py> Reader<'a, 'py> {
    pub(crate) fn new(room: &'a Room<'py>, nested: &'a Nested<'a>) -> Self {
        Self { room, nested }
    }

    /// Points by identifier: a mapping, or pairs.
    pub(crate) fn points(&self, given: &Bound<'py, PyAny>) -> PyResult<Vec<enos_runtime::Point<'a>>> {
        let mut points = Vec::with_capacity(given.len().unwrap_or(8));
        self.pairs(given, "points", |id, object| {
            let id = self.text(&id, "an identifier")?;
            let at = |error| at_point(object.py(), id, error);
            let point = match object.cast_exact::<Point>() {
                Ok(point) => {
                    let point = point.get();
                    let value = self.value(point.value.bind(object.py()), MAX_DEPTH).map_err(at)?;
                    let mut read = enos_runtime::Point::new(id, value);
                    read.quality = point.quality;
                    read
                }
                Err(_) => enos_runtime::Point::new(id, self.value(&object, MAX_DEPTH).map_err(at)?),
            };
            points.push(point);
            Ok(())
        })?;
        Ok(points)
    }

    /// Named values, such as a command's outputs.
    pub(crate) fn fields(
        &self,
        given: &Bound<'py, PyAny>,
        depth: usize,
    ) -> PyResult<Vec<(&'a str, Value<'a>)>> {
        let mut fields = Vec::with_capacity(given.len().unwrap_or(8));
        self.pairs(given, "a mapping", |name, object| {
            let name = self.text(&name, "a field's name")?;
            let value = self.value(&object, depth).map_err(|error| at_point(object.py(), name, error))?;
            self.count(given.py(), 1)?;
            fields.push((name, value));
            Ok(())
        })?;
        Ok(fields)
    }

    fn pairs(
        &self,
        given: &Bound<'py, PyAny>,
        what: &str,
        mut take: impl FnMut(Bound<'py, PyAny>, Bound<'py, PyAny>) -> PyResult<()>,
    ) -> PyResult<()> {
        let py = given.py();
        if let Ok(dict) = given.cast::<PyDict>() {
            // All of them first: reading a value may run Python code, and that may change the mapping.
            let pairs: Vec<_> = dict.iter().collect();
            return pairs.into_iter().try_for_each(|(id, object)| take(id, object));
        }
        let wrong = || invalid(py, format!("{what} is {}. Give a mapping.", type_name(given)));
        let items = match given.cast::<PyString>() {
            Ok(_) => return Err(wrong()),
            Err(_) if given.hasattr("items")? => given.call_method0("items")?,
            Err(_) => given.clone(),
        };
        for pair in items.try_iter().map_err(|_| wrong())? {
            let (id, object) = pair?.extract().map_err(|_| wrong())?;
            take(id, object)?;
        }
        Ok(())
    }

    fn text(&self, given: &Bound<'py, PyAny>, what: &str) -> PyResult<&'a str> {
        let py = given.py();
        let Ok(text) = self.room.objects.alloc(given.clone()).cast::<PyString>() else {
            return Err(invalid(py, format!("{what} is {}. Give a str.", type_name(given))));
        };
        text.to_str().map_err(|error| invalid(py, format!("{what} cannot be sent as UTF-8: {error}.")))
    }

    /// One value. `depth` is how deep arrays and structs may still go: what lies deeper the core refuses in its own
    /// words, for the empty one that is given in its place.
    pub(crate) fn value(&self, given: &Bound<'py, PyAny>, depth: usize) -> PyResult<Value<'a>> {
        if let Ok(number) = given.cast::<PyFloat>() {
            return Ok(Value::Float(number.value()));
        }
        if let Ok(truth) = given.cast::<PyBool>() {
            return Ok(Value::Bool(truth.is_true()));
        }
        if given.cast::<PyInt>().is_ok() {
            return self.int(given);
        }
        if given.cast::<PyString>().is_ok() {
            return Ok(Value::Str(self.text(given, "a text")?));
        }
        if given.is_none() {
            return Ok(Value::Null);
        }
        if let Ok(list) = given.cast::<PyList>() {
            return self.array(given.py(), list.len(), list.iter(), depth);
        }
        if let Ok(tuple) = given.cast::<PyTuple>() {
            return self.array(given.py(), tuple.len(), tuple.iter(), depth);
        }
        if given.cast::<PyDict>().is_ok() || given.hasattr("items")? {
            if depth == 0 {
                return Ok(Value::Struct(&[]));
            }
            let fields = self.fields(given, depth - 1)?;
            return Ok(Value::Struct(self.nested.fields.alloc_extend(fields)));
        }
        self.number(given)
    }

    fn array(
        &self,
        py: Python<'py>,
        count: usize,
        items: impl Iterator<Item = Bound<'py, PyAny>>,
        depth: usize,
    ) -> PyResult<Value<'a>> {
        if depth == 0 {
            return Ok(Value::Array(&[]));
        }
        self.count(py, count)?;
        let values: PyResult<Vec<_>> = items.map(|item| self.value(&item, depth - 1)).collect();
        Ok(Value::Array(self.nested.values.alloc_extend(values?)))
    }

    /// So many more nested values: each takes two bytes of a message at least, and no message is that large.
    fn count(&self, py: Python<'_>, more: usize) -> PyResult<()> {
        self.nested.count.set(self.nested.count.get().saturating_add(more));
        if self.nested.count.get() <= MAX_PAYLOAD {
            return Ok(());
        }
        let text = "lists and mappings hold more values than a message has bytes. Split the message.";
        Err(raised(py, &Error::new(ErrorKind::PayloadTooLarge, text)))
    }

    fn int(&self, given: &Bound<'py, PyAny>) -> PyResult<Value<'a>> {
        // SAFETY: an int, and the interpreter's lock is held; the error it may set is taken.
        let number = unsafe { ffi::PyLong_AsLongLong(given.as_ptr()) };
        if number == -1 && PyErr::take(given.py()).is_some() {
            return Err(invalid(
                given.py(),
                "the number does not fit 64 bits. Give a smaller one, or a float.",
            ));
        }
        Ok(Value::Int(number))
    }

    /// Numbers of other packages, such as NumPy's: by `__index__`, else by `__float__`.
    fn number(&self, given: &Bound<'py, PyAny>) -> PyResult<Value<'a>> {
        if given.hasattr("__index__")? {
            return self.int(&given.call_method0("__index__")?);
        }
        if given.hasattr("__float__")? {
            let number = given.call_method0("__float__")?;
            return Ok(Value::Float(number.extract()?));
        }
        let text = "Give an int, a float, a bool, a str, None, a list or a mapping.";
        Err(invalid(given.py(), format!("a value is {}. {text}", type_name(given))))
    }
}

fn type_name(given: &Bound<'_, PyAny>) -> String {
    given.get_type().name().map_or_else(|_| "of an unknown type".to_owned(), |name| format!("a {name}"))
}

/// The same error, which says in which point it lies. What Python code raised stays as it is.
fn at_point(py: Python<'_>, id: &str, error: PyErr) -> PyErr {
    let value = error.value(py);
    match value.getattr("kind").and_then(|kind| kind.extract::<u16>()) {
        Ok(kind) => {
            let kind = ErrorKind::from_number(kind).unwrap_or(ErrorKind::InvalidArgument);
            let name: String = id.chars().take(64).flat_map(char::escape_debug).collect();
            raised(
                py,
                &Error::new(
                    kind,
                    format!(
                        "\"{name}\": {}",
                        value.str().map_or_else(|_| String::new(), |text| text.to_string())
                    ),
                ),
            )
        }
        Err(_) => error,
    }
}
