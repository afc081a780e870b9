using System.Text.Json;
using System.Text.Json.Serialization;
using DpSgd.ML.Persistence;
using Microsoft.ML;
using Microsoft.ML.Data;

namespace DpSgd.ML.Tasks;

/// <summary>What the keys of a label stand for, in the label's own type.</summary>
internal abstract class KeyValues
{
    private const string Annotation = "KeyValues";

    private static readonly PrimitiveDataViewType[] SavedTypes =
    [
        TextDataViewType.Instance, BooleanDataViewType.Instance, NumberDataViewType.Single, NumberDataViewType.Double,
        NumberDataViewType.SByte, NumberDataViewType.Int16, NumberDataViewType.Int32, NumberDataViewType.Int64,
        NumberDataViewType.Byte, NumberDataViewType.UInt16, NumberDataViewType.UInt32, NumberDataViewType.UInt64,
        DateTimeDataViewType.Instance, DateTimeOffsetDataViewType.Instance, TimeSpanDataViewType.Instance,
    ];

    private protected static readonly JsonSerializerOptions Json = new() { NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals };

    /// <summary>The values that a label column is annotated with; null when it is not.</summary>
    public static KeyValues? Of(DataViewSchema.Column label)
    {
        if (label.Annotations.Schema.GetColumnOrNull(Annotation)?.Type is not VectorDataViewType { ItemType: var type })
            return null;
        var read = new Func<DataViewSchema.Column, PrimitiveDataViewType, KeyValues>(Read<int>).Method.GetGenericMethodDefinition();
        return (KeyValues)read.MakeGenericMethod(type.RawType).Invoke(null, [label, type])!;
    }

    /// <summary>What <see cref="Save"/> gave.</summary>
    public static KeyValues Load(SavedKeyValues saved)
    {
        var type = Array.Find(SavedTypes, type => type.ToString() == saved.Type)
            ?? throw new InvalidDataException($"The model's keys are of the type {saved.Type}, which this version does not know.");
        if (type is TextDataViewType)
            return new KeyValues<ReadOnlyMemory<char>>(type, [.. saved.Values.Deserialize<string[]>(Json)!.Select(text => text.AsMemory())]);
        var made = typeof(KeyValues<>).MakeGenericType(type.RawType);
        return (KeyValues)Activator.CreateInstance(made, type, saved.Values.Deserialize(type.RawType.MakeArrayType(), Json))!;
    }

    /// <summary>Annotates a column with the values.</summary>
    public abstract void AddTo(DataViewSchema.Annotations.Builder annotations, string name);

    /// <summary>What must be kept to make this again.</summary>
    /// <exception cref="NotSupportedException">The values are of a type that cannot be saved.</exception>
    public abstract SavedKeyValues Save();

    private protected static string SavedName(PrimitiveDataViewType type) => SavedTypes.Contains(type)
        ? type.ToString()!
        : throw new NotSupportedException($"A model whose label's keys stand for values of type {type} cannot be saved; map them to text first.");

    private static KeyValues<T> Read<T>(DataViewSchema.Column label, PrimitiveDataViewType type)
    {
        VBuffer<T> values = default;
        label.Annotations.GetValue(Annotation, ref values);
        return new(type, [.. values.DenseValues()]);
    }
}

/// <inheritdoc/>
/// <typeparam name="T">Type of one value.</typeparam>
internal sealed class KeyValues<T>(PrimitiveDataViewType type, T[] values) : KeyValues
{
    public override void AddTo(DataViewSchema.Annotations.Builder annotations, string name) =>
        annotations.Add(name, new VectorDataViewType(type, values.Length), (ref VBuffer<T> target) =>
        {
            var editor = VBufferEditor.Create(ref target, values.Length);
            values.CopyTo(editor.Values);
            target = editor.Commit();
        });

    public override SavedKeyValues Save() => new()
    {
        Type = SavedName(type),
        Values = values is ReadOnlyMemory<char>[] texts
            ? JsonSerializer.SerializeToElement(texts.Select(text => text.ToString()).ToArray(), Json)
            : JsonSerializer.SerializeToElement(values, Json),
    };
}
