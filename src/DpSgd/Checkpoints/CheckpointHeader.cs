using System.Text.Json.Serialization;
using DpSgd.Accounting;
using static TorchSharp.torch;

namespace DpSgd.Checkpoints;

/// <summary>All of a checkpoint but the values of its tensors, which follow it in the order in which they are named here.</summary>
/// <param name="Library">Version of the library that wrote it.</param>
/// <param name="Steps">Steps that made these weights.</param>
/// <param name="NonFiniteExamples">Examples that contributed nothing.</param>
/// <param name="Run">What must be the same when training goes on.</param>
/// <param name="Ledger">What was done, by all that share the accountant.</param>
/// <param name="Model">The model's parameters and buffers.</param>
/// <param name="Optimizer">The inner optimizer.</param>
/// <param name="BatchesLeftOut">Batches of which no step was made.</param>
/// <param name="Sampler">Where the loader was; null where somebody else drew the batches.</param>
internal sealed record CheckpointHeader(
    string Library,
    long Steps,
    long NonFiniteExamples,
    RunEntry Run,
    LedgerPart[] Ledger,
    TensorEntry[] Model,
    OptimizerEntry Optimizer,
    long BatchesLeftOut = 0,
    SamplerPosition? Sampler = null)
{
    /// <summary>Every tensor, in the order of their values.</summary>
    [JsonIgnore]
    public IEnumerable<TensorEntry> Tensors =>
        Model.Concat(Optimizer.States.SelectMany(state => state.Fields).Select(f => f.Tensor).OfType<TensorEntry>());
}

/// <summary>What makes two runs the same run.</summary>
internal sealed record RunEntry(
    double L2NormClip,
    double NoiseMultiplier,
    LossReduction LossReduction,
    string Noise,
    NeighboringRelation NeighboringRelation,
    int? NumMicrobatches = null,
    int? MicrobatchSize = null,
    string? Sampling = null);

/// <summary>A tensor without its values.</summary>
/// <param name="Name">Its name in the model, or in the state of the optimizer.</param>
/// <param name="Type">Type of its values.</param>
/// <param name="Shape">Its shape.</param>
/// <param name="IsTrained">Whether the optimizer trains it.</param>
internal sealed record TensorEntry(string Name, ScalarType Type, long[] Shape, bool IsTrained = false)
{
    /// <summary>As it is named in messages.</summary>
    public override string ToString() => $"{Type} [{string.Join(", ", Shape)}]{(IsTrained ? " trained" : "")}";
}

/// <summary>The inner optimizer.</summary>
/// <param name="Kind">Its type.</param>
/// <param name="Groups">The options of each parameter group.</param>
/// <param name="States">The state of each parameter.</param>
internal sealed record OptimizerEntry(string Kind, ObjectEntry[] Groups, ObjectEntry[] States);

/// <summary>The fields of an object.</summary>
/// <param name="Name">What it belongs to.</param>
/// <param name="Fields">Its fields.</param>
internal sealed record ObjectEntry(string Name, FieldEntry[] Fields);

/// <summary>One field; null if it has no value.</summary>
internal sealed record FieldEntry(string Name, long? Integer = null, double? Real = null, bool? Flag = null, TensorEntry? Tensor = null);

/// <summary>First line of a journal of steps.</summary>
/// <param name="Format">Always <see cref="Name"/>.</param>
/// <param name="Version">Version of the format.</param>
/// <param name="Author">Whose steps follow.</param>
/// <param name="Ledger">All that was done before.</param>
internal sealed record JournalHead(string Format, int Version, Guid Author, LedgerPart[] Ledger)
{
    public const string Name = "DpSgd steps";
}

[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
    RespectRequiredConstructorParameters = true,
    RespectNullableAnnotations = true,
    UseStringEnumConverter = true)]
[JsonSerializable(typeof(CheckpointHeader))]
[JsonSerializable(typeof(JournalHead))]
[JsonSerializable(typeof(DpEvent))]
internal sealed partial class CheckpointJson : JsonSerializerContext;
