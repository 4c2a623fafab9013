/// Why an object cannot be read.
public enum FieldError: Error {
    /// An object that is not valid as a whole, such as one without a required field: a message, and the path of the object.
    case invalidObject(String, path: String)
    /// A value that is not valid: a sentence that begins with its path.
    case invalid(String)
}
