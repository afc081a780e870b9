using System.Reflection;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace DpSgd.Checkpoints;

/// <summary>
/// Options and state of TorchSharp's optimizers, field by field. They have methods of their own to be saved and loaded, but
/// those change the object while they read, so that an error in the middle leaves half of it, and they take every buffer
/// for one of 32-bit floats on the CPU.
/// </summary>
internal static class ObjectFields
{
    private const BindingFlags Declared = BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.DeclaredOnly;

    /// <summary>Takes an object down.</summary>
    /// <param name="name">What it belongs to.</param>
    /// <param name="value">Options or state.</param>
    /// <param name="tensors">The tensors among its fields are added.</param>
    /// <exception cref="NotSupportedException">It has a field of a type that is not known.</exception>
    public static ObjectEntry Read(string name, object value, List<Tensor> tensors) => new(name, [.. Of(value.GetType()).Select(field =>
    {
        switch (field.GetValue(value))
        {
            case null:
                return new FieldEntry(field.Name);
            case long integer:
                return new FieldEntry(field.Name, Integer: integer);
            case int integer:
                return new FieldEntry(field.Name, Integer: integer);
            case double real:
                return new FieldEntry(field.Name, Real: real);
            case bool flag:
                return new FieldEntry(field.Name, Flag: flag);
            case Tensor tensor:
                tensors.Add(tensor);
                return new FieldEntry(field.Name, Tensor: new($"{name}.{field.Name}", tensor.dtype, tensor.shape));
            default:
                throw new NotSupportedException(
                    $"The field {field.Name} of {value.GetType().FullName} is a {field.FieldType.Name}, which no checkpoint can hold.");
        }
    })]);

    /// <summary>Sets an object's fields. Tensors that it had are disposed.</summary>
    /// <param name="value">An object with the fields that were taken down.</param>
    /// <param name="entry">What was taken down.</param>
    /// <param name="tensors">Gives the next tensor, which is the object's from now on.</param>
    public static void Write(object value, ObjectEntry entry, Func<Tensor> tensors)
    {
        foreach (var (field, written) in Of(value.GetType()).Zip(entry.Fields))
        {
            (field.GetValue(value) as Tensor)?.Dispose();
            field.SetValue(value, written switch
            {
                { Tensor: not null } => tensors(),
                { Integer: { } integer } => Whole(field.FieldType, integer),
                { Real: { } real } => real,
                { Flag: { } flag } => flag,
                _ => null,
            });
        }
    }

    private static object Whole(Type type, long value) => type == typeof(int) || type == typeof(int?) ? (object)(int)value : value;

    /// <summary>Those of the base class as well, but not what ties a state to its parameter.</summary>
    private static IEnumerable<FieldInfo> Of(Type? type)
    {
        for (; type is not null && type != typeof(object) && type != typeof(OptimizerState); type = type.BaseType)
        {
            foreach (var field in type.GetFields(Declared))
                yield return field;
        }
    }
}
