using Microsoft.ML;
using Microsoft.ML.Data;

namespace DpSgd.ML.Scoring;

/// <summary>A column that the transformer adds.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Type">Its type.</param>
/// <param name="Annotations">What ML.NET's evaluators and transformers want to know of it.</param>
/// <param name="MakeGetter">Makes the getter of its values, a <see cref="ValueGetter{TValue}"/>.</param>
internal sealed record OutputColumn(
    string Name, DataViewType Type, DataViewSchema.Annotations Annotations, Func<RowScores, Delegate> MakeGetter);
